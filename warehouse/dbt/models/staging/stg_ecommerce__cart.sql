with

source as (

    select * from {{ source('staging', 'ecommerce_cart') }}

),

renamed as (

    select
        event_id,
        customer_loyalty_id as customer_id,
        customer_email as email,
        customer_phone as phone,
        producer_ts as updated_at,
        loaded_at

    from source

)

select * from renamed
