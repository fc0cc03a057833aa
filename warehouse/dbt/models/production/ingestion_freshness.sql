{{
    config(
        incremental_strategy='merge',
        unique_key=['loaded_hour', 'source', 'event_type'],
    )
}}

-- How long an event took from the transform to being queryable. Whole hours are counted anew for a day back,
-- because a load becomes visible some time after the moment that it is stamped with.
with

arrivals as (

    {% for event in staged_events() %}
    select
        source,
        '{{ event.name }}' as event_type,
        date_trunc('hour', convert_timezone('UTC', loaded_at)::timestamp_ntz) as loaded_hour,
        timestampdiff(
            'millisecond', ingested_at, convert_timezone('UTC', loaded_at)::timestamp_ntz
        ) / 1000 as seconds,
        {{ event.freshness_seconds }} as promised_seconds
    from {{ source('staging', event.table) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

{% if is_incremental() %}
known as (

    select dateadd('day', -1, max(loaded_hour)) as since
    from {{ this }}

),
{% endif %}

recent as (

    select arrivals.*
    from arrivals
    {% if is_incremental() %}
    cross join known
    where known.since is null or arrivals.loaded_hour >= known.since
    {% endif %}

),

hours as (

    select
        source,
        event_type,
        loaded_hour,
        count(*) as events,
        count_if(seconds <= promised_seconds) as events_in_time,
        (percentile_cont(0.5) within group (order by seconds))::float as p50_seconds,
        (percentile_cont(0.95) within group (order by seconds))::float as p95_seconds,
        max(seconds)::float as max_seconds
    from recent
    group by source, event_type, loaded_hour

)

select * from hours
