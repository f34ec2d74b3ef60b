-- Many cases are only ever denied together: what belongs to a batch is a denial, by one senior, for one reason, and at
-- most 100 of them. (That nobody says yes twice in one transaction is the index `one_yes_at_a_time`.)
CREATE FUNCTION bulk_only_denies() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  others int;
  alike int;
  why text;
BEGIN
  SELECT count(*), count(*) FILTER (WHERE user_id = NEW.user_id AND category = NEW.category) INTO others, alike
    FROM decision WHERE batch = NEW.batch;
  why := CASE
    WHEN NEW.outcome <> 'deny' THEN 'only denials'
    WHEN NOT is_active(NEW.user_id, '{senior}') THEN 'not a senior'
    WHEN others <> alike THEN 'another batch'
    WHEN others >= 100 THEN 'too many'
    END;
  IF why IS NOT NULL THEN
    RAISE EXCEPTION 'decision refused: % together', why
      USING ERRCODE = 'check_violation', CONSTRAINT = 'bulk_only_denies';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER bulk_only_denies BEFORE INSERT ON decision FOR EACH ROW
  WHEN (NEW.batch IS NOT NULL) EXECUTE FUNCTION bulk_only_denies();
