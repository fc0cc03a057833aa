{{ config(severity='warn') }}

-- A sale whose own total is not the sum of its lines is the producer's fault: worth a warning, but no reason
-- to keep everybody's figures back.
with

staged as (

    {% for model in ['stg_pos__sale', 'stg_ecommerce__order'] %}
    select
        event_id,
        channel,
        total
    from {{ ref(model) }}
    where loaded_at >= dateadd('day', -{{ var('tested_days') }}, current_timestamp())
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

sold as (

    select
        event_id,
        channel,
        sum(sales_value) as total
    from {{ ref('sales_lines') }}
    where loaded_at >= dateadd('day', -{{ var('tested_days') }} - 1, current_timestamp())
    group by event_id, channel

)

select
    staged.event_id,
    staged.channel,
    staged.total as stated_total,
    sold.total as sum_of_lines
from staged
inner join sold
    on
        staged.event_id = sold.event_id
        and staged.channel = sold.channel
where staged.total <> sold.total
