-- Every staged sale is in SALES_LINES with all of its lines: what an incremental build missed shows here.
with

staged as (

    {% for model in ['stg_pos__sale', 'stg_ecommerce__order'] %}
    select
        event_id,
        channel,
        array_size(lines) as lines
    from {{ ref(model) }}
    where loaded_at >= dateadd('day', -{{ var('tested_days') }}, current_timestamp())
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

sold as (

    select
        event_id,
        channel,
        count(*) as lines
    from {{ ref('sales_lines') }}
    where loaded_at >= dateadd('day', -{{ var('tested_days') }} - 1, current_timestamp())
    group by event_id, channel

)

select
    staged.event_id,
    staged.channel,
    staged.lines as staged_lines,
    sold.lines as sold_lines
from staged
left join sold
    on
        staged.event_id = sold.event_id
        and staged.channel = sold.channel
where staged.lines is distinct from sold.lines
