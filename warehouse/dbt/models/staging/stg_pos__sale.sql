with

source as (

    select * from {{ source('staging', 'pos_sale') }}

),

renamed as (

    select
        event_id,
        'store' as channel,
        transaction_id,
        store_id,
        currency,
        customer_loyalty_id as customer_id,
        customer_email as email,
        customer_phone as phone,
        customer_address as address,
        lines,
        total,
        producer_ts as sold_at,
        loaded_at

    from source

)

select * from renamed
