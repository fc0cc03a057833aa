-- Per channel, the days hold what the lines hold: counts, units and each kind of money, to the cent.
with

lines as (

    select
        channel,
        sum(quantity) as units,
        sum(sales_value) as net_sales,
        sum(retail_disc) as retail_discount,
        sum(coupon_disc) as coupon_discount,
        sum(coupon_match_disc) as coupon_match_discount
    from {{ ref('sales_lines') }}
    group by channel

),

days as (

    select
        channel,
        sum(units) as units,
        sum(net_sales) as net_sales,
        sum(retail_discount) as retail_discount,
        sum(coupon_discount) as coupon_discount,
        sum(coupon_match_discount) as coupon_match_discount
    from {{ ref('daily_store_sales') }}
    group by channel

)

select
    coalesce(lines.channel, days.channel) as channel,
    lines.net_sales as net_sales_of_lines,
    days.net_sales as net_sales_of_days
from lines
full outer join days on lines.channel = days.channel
where
    lines.units is distinct from days.units
    or lines.net_sales is distinct from days.net_sales
    or lines.retail_discount is distinct from days.retail_discount
    or lines.coupon_discount is distinct from days.coupon_discount
    or lines.coupon_match_discount is distinct from days.coupon_match_discount
