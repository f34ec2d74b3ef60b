-- A picture leaves its list by the word of a senior or an officer, for a written reason; what was sealed since by an
-- officer's alone.
CREATE FUNCTION known_retired_for_a_reason() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp AS $$
DECLARE
  sealed boolean;
  why text;
BEGIN
  SELECT g.sealed_at IS NOT NULL INTO sealed FROM decision d JOIN review_case c ON c.id = d.case_id
    JOIN generation g ON g.id = c.generation_id WHERE d.id = NEW.decision_id;
  why := CASE
    WHEN sealed AND NOT is_active(NEW.retired_by_id, '{officer}') THEN 'sealed'
    WHEN NOT is_active(NEW.retired_by_id, '{senior,officer}') THEN 'not a senior'
    WHEN NEW.retire_reason IS NULL OR length(btrim(NEW.retire_reason)) < 20 THEN 'no reason'
    END;
  IF why IS NOT NULL THEN
    RAISE EXCEPTION 'retiring refused: %', why
      USING ERRCODE = 'check_violation', CONSTRAINT = 'known_retired_for_a_reason';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER known_retired_for_a_reason BEFORE UPDATE ON known_picture FOR EACH ROW
  WHEN (OLD.retired_at IS NULL AND NEW.retired_at IS NOT NULL) EXECUTE FUNCTION known_retired_for_a_reason();
