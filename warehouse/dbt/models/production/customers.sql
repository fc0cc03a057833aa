-- Each of a customer's contact values is the latest that any event told; an event that left one out says
-- nothing about it. Whoever only filled a cart is known too, without transactions.
{% set contact = ['email', 'phone', 'address'] %}

with

contacts as (

    select
        event_id,
        customer_id,
        email,
        phone,
        address,
        sold_at as seen_at
    from {{ ref('stg_pos__sale') }}
    union all
    select
        event_id,
        customer_id,
        email,
        phone,
        address,
        sold_at as seen_at
    from {{ ref('stg_ecommerce__order') }}
    union all
    select
        event_id,
        customer_id,
        email,
        phone,
        null as address,
        updated_at as seen_at
    from {{ ref('stg_ecommerce__cart') }}

),

customers as (

    select
        customer_id,
        min(seen_at) as first_seen,
        max(seen_at) as last_seen
    from contacts
    where customer_id is not null
    group by customer_id

),

{% for value in contact %}
latest_{{ value }} as (

    select
        customer_id,
        {{ value }}
    from contacts
    where customer_id is not null and {{ value }} is not null
    qualify row_number() over (partition by customer_id order by seen_at desc, event_id desc) = 1

),
{% endfor %}

purchases as (

    select
        customer_id,
        count(distinct channel || ':' || transaction_id) as transactions,
        sum(sales_value) as net_sales
    from {{ ref('sales_lines') }}
    where customer_id is not null
    group by customer_id

)

select
    customers.customer_id,
    {% for value in contact %}
    latest_{{ value }}.{{ value }},
    {% endfor %}
    customers.first_seen,
    customers.last_seen,
    coalesce(purchases.transactions, 0) as transactions,
    coalesce(purchases.net_sales, 0) as net_sales
from customers
{% for value in contact %}
left join latest_{{ value }} on customers.customer_id = latest_{{ value }}.customer_id
{% endfor %}
left join purchases on customers.customer_id = purchases.customer_id
