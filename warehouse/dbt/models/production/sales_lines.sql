{{
    config(
        incremental_strategy='merge',
        unique_key=['sales_date', 'event_id', 'channel', 'line'],
    )
}}

-- An event enters STAGING once, and each of a source's loads is younger than the one before: what was loaded
-- after this channel's newest line is what is new, however old the sale itself. The merge's key begins with
-- the day, which never changes for an event, so that Snowflake reads only the batch's days.
with

sales as (

    {% for model in ['stg_pos__sale', 'stg_ecommerce__order'] %}
    select
        event_id,
        channel,
        transaction_id,
        store_id,
        customer_id,
        sold_at,
        lines,
        loaded_at
    from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

{% if is_incremental() %}
loaded as (

    select
        channel,
        max(loaded_at) as until
    from {{ this }}
    group by channel

),
{% endif %}

fresh as (

    select sales.*
    from sales
    {% if is_incremental() %}
    left join loaded on sales.channel = loaded.channel
    where loaded.until is null or sales.loaded_at > loaded.until
    {% endif %}

),

lines as (

    select
        fresh.event_id,
        fresh.channel,
        fresh.transaction_id,
        fresh.store_id,
        fresh.sold_at,
        fresh.sold_at::date as sales_date,
        fresh.customer_id,
        -- money passes through text, which is exact whether it came as a JSON number or as a string
        item.value:product_id::varchar as product_id,
        item.value:quantity::number(38, 0) as quantity,
        item.value:sales_value::varchar::number(12, 2) as sales_value,
        item.value:retail_disc::varchar::number(12, 2) as retail_disc,
        item.value:coupon_disc::varchar::number(12, 2) as coupon_disc,
        item.value:coupon_match_disc::varchar::number(12, 2) as coupon_match_disc,
        item.value:line::number(38, 0) as line,
        fresh.loaded_at
    from fresh, lateral flatten(input => fresh.lines) as item

)

select * from lines
