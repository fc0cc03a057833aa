{#- Which columns are personal, and which says whose rows they are, follows from the contracts: personal_columns()
    and store_columns() are generated from what each model selects. Nobody declares a policy, so nobody can
    forget one. -#}

{% macro masking_policy(kind) -%}
    {{ target.database }}.GOVERNANCE.MASK_{{ kind | upper }}
{%- endmacro %}

{% macro row_policy() -%}
    {{ target.database }}.GOVERNANCE.STORE_ROWS
{%- endmacro %}

{#- dbt asks this macro for the column list of every CREATE TABLE under a model contract. The policies become part
    of the CREATE itself: there is no moment in which the table exists and is bare. -#}
{% macro snowflake__get_table_columns_and_constraints() -%}
    {%- for column, kind in personal_columns().get(model.name, {}).items() -%}
        {%- set policy = {'type': 'custom', 'expression': 'with masking policy ' ~ masking_policy(kind)} -%}
        {%- do model['columns'][column]['constraints'].append(policy) -%}
    {%- endfor -%}
    {%- set columns = table_columns_and_constraints() -%}
    {%- set store = store_columns().get(model.name) -%}
    {{ return(columns ~ (' with row access policy ' ~ row_policy() ~ ' on (' ~ store ~ ')' if store else '')) }}
{%- endmacro %}

{#- The publication gate, run after every model of PRODUCTION: Snowflake itself must say that each personal column
    carries its kind's policy, and that rows are shown by store. A table that cannot show that is withdrawn
    (UNDROP brings it back), its model fails, and nothing that depends on it is built. -#}
{% macro publish_only_protected() -%}
    {%- set personal = personal_columns().get(model.name, {}) -%}
    {%- set store = store_columns().get(model.name) -%}
    {%- if execute and (personal or store) -%}
        {%- set references -%}
            select
                ref_column_name,
                policy_kind,
                policy_db || '.' || policy_schema || '.' || policy_name as policy,
                ref_arg_column_names
            from table({{ this.database }}.information_schema.policy_references(
                ref_entity_name => '{{ this.render() }}', ref_entity_domain => 'table'
            ))
            where policy_status = 'ACTIVE'
        {%- endset -%}
        {%- set masked, rows = {}, {} -%}
        {%- for row in run_query(references) -%}
            {%- if row[1] == 'MASKING_POLICY' -%}
                {%- do masked.update({row[0] | lower: row[2] | upper}) -%}
            {%- else -%}
                {%- do rows.update({(row[3] or '') | lower | replace(' ', ''): row[2] | upper}) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set bare = [] -%}
        {%- for column, kind in personal.items() -%}
            {%- if masked.get(column) != masking_policy(kind) | upper -%}
                {%- set found = masked.get(column, 'none') -%}
                {%- do bare.append(column ~ ' (expected ' ~ masking_policy(kind) ~ ', found ' ~ found ~ ')') -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if store and rows.get('["' ~ store ~ '"]') != row_policy() | upper -%}
            {%- set found = rows.values() | list -%}
            {%- do bare.append('rows by ' ~ store ~ ' (expected ' ~ row_policy() ~ ', found ' ~ (found or 'none') ~ ')') -%}
        {%- endif -%}
        {%- if bare -%}
            {%- do run_query('drop table ' ~ this) -%}
            {%- do exceptions.raise_compiler_error(
                'withdrawn, ' ~ this ~ ' lacks its policies: ' ~ bare | join(', ')
            ) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
