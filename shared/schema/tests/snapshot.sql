WITH kith AS (
    SELECT oid FROM pg_namespace WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)'
), relation AS (
    SELECT pg_class.* FROM pg_class JOIN kith ON kith.oid = relnamespace WHERE relname !~ '^__diesel'
)
SELECT line FROM (
    SELECT format('schema %s owner %s rights %s', nspname, nspowner::regrole, nspacl)
    FROM pg_namespace JOIN kith USING (oid)
    UNION ALL
    SELECT format('%s %s owner %s rights %s options %s', relkind, oid::regclass, relowner::regrole, relacl, reloptions)
    FROM relation
    UNION ALL
    SELECT format('column %s %s.%s %s %s identity %s default %s rights %s', attnum, attrelid::regclass, attname,
        format_type(atttypid, atttypmod), attnotnull, attidentity, pg_get_expr(adbin, adrelid), attacl)
    FROM pg_attribute JOIN relation ON relation.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0
    UNION ALL
    SELECT format('constraint %s on %s %s valid %s', conname, conrelid::regclass, pg_get_constraintdef(pg_constraint.oid), convalidated)
    FROM pg_constraint JOIN relation ON relation.oid = conrelid
    UNION ALL
    SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN relation ON relation.oid = indrelid
    UNION ALL
    SELECT pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL
    SELECT format('%s owner %s rights %s', pg_get_functiondef(pg_proc.oid), proowner::regrole, proacl)
    FROM pg_proc JOIN kith ON kith.oid = pronamespace
    UNION ALL
    SELECT format('view %s %s', oid::regclass, pg_get_viewdef(oid)) FROM relation WHERE relkind IN ('v', 'm')
    UNION ALL
    SELECT format('type %s', pg_type.oid::regtype) FROM pg_type JOIN kith ON kith.oid = typnamespace
    WHERE typname !~ '^_?_?_diesel'
    UNION ALL
    SELECT format('default rights %s %s %s', defaclrole::regrole, defaclobjtype, defaclacl) FROM pg_default_acl
) AS lines (line)
ORDER BY line
