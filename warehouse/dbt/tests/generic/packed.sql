{#- A personal value is in the warehouse as `<1 or 2>:<token>:<ciphertext>:<display>` or not at all. Whoever
    runs this must see packed values whole (TRANSFORMER); what fails is counted and never shown. -#}
{% test packed(model, columns) %}

select count(*) as bare_values
from {{ model }}
where
    {% for column in columns %}
        {{ 'or ' if not loop.first }}not regexp_like({{ column }}, '[12]:[A-Za-z0-9_-]{32}:[A-Za-z0-9+/]+=*:[^:]*')
    {% endfor %}
having count(*) > 0

{% endtest %}
