with

source as (

    select * from {{ source('staging', 'ecommerce_order') }}

),

renamed as (

    select
        event_id,
        'online' as channel,
        order_id as transaction_id,
        store_id,
        currency,
        customer_loyalty_id as customer_id,
        customer_email as email,
        customer_phone as phone,
        customer_address as address,
        lines,
        total - coalesce(shipping_cost, 0) as total,
        producer_ts as sold_at,
        loaded_at

    from source

)

select * from renamed
