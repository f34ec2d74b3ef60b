-- What the log of decisions is searched by stands on the decision itself, as it was when it was said: one index finds a
-- page of it, however many decisions there are. The database writes it, and nobody else may.
CREATE FUNCTION decision_place() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  SELECT c.kind, c.queue_id, g.organization_id, (
      SELECT v.policy_sha256 FROM verdict v
       WHERE v.generation_id = c.generation_id AND v.image_id IS NOT DISTINCT FROM c.image_id ORDER BY v.id DESC LIMIT 1)
    INTO NEW.kind, NEW.queue_id, NEW.organization_id, NEW.policy_sha256
    FROM review_case c JOIN generation g ON g.id = c.generation_id WHERE c.id = NEW.case_id;
  RETURN NEW;
END $$;

ALTER TABLE decision DISABLE TRIGGER no_change;
UPDATE decision d SET kind = c.kind, queue_id = c.queue_id, organization_id = g.organization_id, policy_sha256 = (
    SELECT v.policy_sha256 FROM verdict v
     WHERE v.generation_id = c.generation_id AND v.image_id IS NOT DISTINCT FROM c.image_id AND v.at <= d.at
     ORDER BY v.id DESC LIMIT 1)
  FROM review_case c JOIN generation g ON g.id = c.generation_id WHERE c.id = d.case_id;
ALTER TABLE decision ENABLE TRIGGER no_change;

CREATE TRIGGER decision_place BEFORE INSERT ON decision FOR EACH ROW EXECUTE FUNCTION decision_place();
