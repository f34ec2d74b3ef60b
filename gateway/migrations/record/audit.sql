-- The audit log: insert-only, partitioned by month, its columns tied to its canonical bytes.
-- One target's entries are in order by (xid, id): the generation's lock, taken first, gives the transaction its xid.

-- A restored dump runs in a cluster whose transaction ids begin anew: each cluster is an era of its own.
CREATE TABLE audit_era (
  era smallint PRIMARY KEY,
  system_identifier bigint NOT NULL UNIQUE,
  began_at timestamptz NOT NULL DEFAULT now());
INSERT INTO audit_era SELECT 1, system_identifier FROM pg_control_system();
CREATE FUNCTION current_era() RETURNS smallint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
  AS 'SELECT max(era) FROM audit_era';

CREATE TABLE audit (
  era smallint NOT NULL DEFAULT current_era(),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  id uuid NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  organization_id uuid,
  generation_id uuid,
  target_id uuid NOT NULL,
  from_status text,
  to_status text NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (xid, target_id, id, at),
  CONSTRAINT body_says_the_same CHECK (convert_from(body, 'UTF8')::jsonb @> jsonb_build_object(
    'id', id, 'organization', organization_id, 'generation', generation_id, 'target', target_id,
    'from', from_status, 'to', to_status, 'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
) PARTITION BY RANGE (at);

CREATE FUNCTION only_ever_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is only ever inserted into', TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'only_ever_inserted';
END $$;
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION only_ever_inserted();
ALTER TABLE audit ENABLE ALWAYS TRIGGER no_change;
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit EXECUTE FUNCTION only_ever_inserted();
ALTER TABLE audit ENABLE ALWAYS TRIGGER no_truncate;
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON decision FOR EACH ROW EXECUTE FUNCTION only_ever_inserted();
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON look FOR EACH ROW EXECUTE FUNCTION only_ever_inserted();
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON release_grant FOR EACH ROW EXECUTE FUNCTION only_ever_inserted();
CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON policy_version FOR EACH ROW EXECUTE FUNCTION only_ever_inserted();

-- A month is made apart and attached, since PARTITION OF would wait behind a long export with the gate behind it.
-- ATTACH brings the row trigger, not the one on TRUNCATE. There is no DEFAULT partition: a missing month refuses commits.
CREATE FUNCTION make_audit_partitions(months_ahead int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
  month date;
  name text;
  made int := 0;
BEGIN
  FOR ahead IN 0..months_ahead LOOP
    month := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date;
    name := 'audit_' || to_char(month, 'YYYY_MM');
    CONTINUE WHEN to_regclass(name) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I (LIKE audit INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I EXECUTE FUNCTION only_ever_inserted()', name);
    EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER no_truncate', name);
    EXECUTE format('ALTER TABLE audit ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
      month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;
REVOKE EXECUTE ON FUNCTION make_audit_partitions FROM PUBLIC;
SELECT make_audit_partitions(3);

-- What an organization may open of its own entries, for the clients' door, which may not read audit_private itself.
CREATE VIEW audit_opening_for_organization WITH (security_barrier) AS
  SELECT audit_id, field, salt, value FROM audit_private WHERE audience = 'organization';
