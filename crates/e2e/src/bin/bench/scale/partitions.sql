-- Spreads the tables of a store over 8 partitions by the placement of the owner, the last 16 bits of an id
-- (docs/adr/0005). All rows of an owner come to lie in partitions of the same number. Run by the owner of the database
-- while no server has it open; the server does not know of it.
--
-- A placement decides alone: the hash of an id is that of its last two bytes.
CREATE FUNCTION placement_hash(id bytea, seed bigint) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT hashtextextended(encode(substring(id FROM greatest(length(id) - 1, 1)), 'hex'), seed) $$;
CREATE OPERATOR CLASS placement_ops FOR TYPE bytea USING hash AS OPERATOR 1 =, FUNCTION 2 placement_hash(bytea, bigint);

CREATE PROCEDURE spread(name text, key text) LANGUAGE plpgsql AS $$
DECLARE
    plain text := name || '_plain';
    found record;
BEGIN
    EXECUTE format('ALTER TABLE %I RENAME TO %I', name, plain);
    EXECUTE format(
        'CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS) PARTITION BY HASH (%s placement_ops)', name, plain, key);
    FOR number IN 0..7 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS 8, REMAINDER %s)',
            name || '_p' || number, name, number);
    END LOOP;
    EXECUTE format('INSERT INTO %I SELECT * FROM %I', name, plain);
    FOR found IN
        SELECT CASE WHEN indisunique THEN 'UNIQUE' ELSE '' END AS uniqueness,
               substring(pg_get_indexdef(indexrelid) FROM 'USING .*') AS columns
        FROM pg_index WHERE indrelid = plain::regclass
    LOOP
        BEGIN
            EXECUTE format('CREATE %s INDEX ON %I %s', found.uniqueness, name, found.columns);
        EXCEPTION WHEN feature_not_supported OR invalid_table_definition THEN
            -- What is unique without the key of the partitions is so in each of them: ids and indexes are given out once.
            FOR number IN 0..7 LOOP
                EXECUTE format(
                    'CREATE %s INDEX ON %I %s', found.uniqueness, name || '_p' || number, found.columns);
            END LOOP;
        END;
    END LOOP;
    EXECUTE format('DROP TABLE %I', plain);
END
$$;

CALL spread('accounts', 'account_id');
CALL spread('clients', 'client_id');
CALL spread('record_types', 'writer_id');
CALL spread('access_keys', 'writer_id');
CALL spread('grants', 'writer_id');
CALL spread('record_grants', 'record_id');
-- By the expression that statements over records name besides their keys.
CALL spread('records', '(substring(writer_id FROM 15))');
CALL spread('record_terms', 'writer_id');
CALL spread('changes', 'account_id');
CALL spread('usages', 'owner_id');
CALL spread('notes', 'note_id');
CALL spread('note_uses', 'note_id');
CALL spread('groups', 'group_id');
CALL spread('group_members', 'group_id');
CALL spread('group_shares', 'writer_id');
DROP PROCEDURE spread;
