with

lines as (

    select * from {{ ref('sales_lines') }}

),

days as (

    select
        store_id,
        sales_date,
        channel,
        count(distinct transaction_id) as transactions,
        sum(quantity) as units,
        sum(sales_value) as net_sales,
        sum(retail_disc) as retail_discount,
        sum(coupon_disc) as coupon_discount,
        sum(coupon_match_disc) as coupon_match_discount
    from lines
    group by store_id, sales_date, channel

)

select * from days
