{#- No row lacks any of these columns: one look at the table, where a test per column would take one each. -#}
{% test required(model, columns) %}

select *
from {{ model }}
where
    {% for column in columns %}
        {{ 'or ' if not loop.first }}{{ column }} is null
    {% endfor %}

{% endtest %}
