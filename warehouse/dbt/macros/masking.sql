{#- Which columns are personal follows from the contracts: personal_columns() is generated from what each model
    selects. Nobody declares a mask, so nobody can forget one. -#}

{% macro masking_policy(kind) -%}
    {{ target.database }}.GOVERNANCE.MASK_{{ kind | upper }}
{%- endmacro %}

{#- dbt asks this macro for the column list of every CREATE TABLE under a model contract. The policy becomes part
    of the CREATE itself: there is no moment in which the table exists and the column is bare. -#}
{% macro snowflake__get_table_columns_and_constraints() -%}
    {%- for column, kind in personal_columns().get(model.name, {}).items() -%}
        {%- set policy = {'type': 'custom', 'expression': 'with masking policy ' ~ masking_policy(kind)} -%}
        {%- do model['columns'][column]['constraints'].append(policy) -%}
    {%- endfor -%}
    {{ return(table_columns_and_constraints()) }}
{%- endmacro %}

{#- The publication gate, run after every model of PRODUCTION: Snowflake itself must say that each personal column
    carries its kind's policy. A table that cannot show that is withdrawn (UNDROP brings it back), its model fails,
    and nothing that depends on it is built. -#}
{% macro publish_only_masked() -%}
    {%- set personal = personal_columns().get(model.name, {}) -%}
    {%- if execute and personal -%}
        {%- set references -%}
            select
                ref_column_name,
                policy_db || '.' || policy_schema || '.' || policy_name as policy
            from table({{ this.database }}.information_schema.policy_references(
                ref_entity_name => '{{ this.render() }}', ref_entity_domain => 'table'
            ))
            where policy_kind = 'MASKING_POLICY' and policy_status = 'ACTIVE'
        {%- endset -%}
        {%- set masked = {} -%}
        {%- for row in run_query(references) -%}
            {%- do masked.update({row[0] | lower: row[1] | upper}) -%}
        {%- endfor -%}
        {%- set bare = [] -%}
        {%- for column, kind in personal.items() -%}
            {%- if masked.get(column) != masking_policy(kind) | upper -%}
                {%- set found = masked.get(column, 'none') -%}
                {%- do bare.append(column ~ ' (expected ' ~ masking_policy(kind) ~ ', found ' ~ found ~ ')') -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if bare -%}
            {%- do run_query('drop table ' ~ this) -%}
            {%- do exceptions.raise_compiler_error(
                'withdrawn, personal columns of ' ~ this ~ ' lack their masking policy: ' ~ bare | join(', ')
            ) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
