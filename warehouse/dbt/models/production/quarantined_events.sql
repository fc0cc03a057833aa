with

source as (

    select * from {{ source('staging', 'quarantine') }}

),

quarantined as (

    select
        event_id,
        source,
        event_type,
        reason,
        received_at,
        object is not null as is_oversize,
        loaded_at
    from source

)

select * from quarantined
