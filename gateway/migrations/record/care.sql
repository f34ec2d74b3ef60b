-- A case that was in the lane of severe ones once is severe for whoever sees it later: a second approver, a senior.
CREATE FUNCTION remember_severe() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.severe := NEW.severe OR NEW.lane = 'severe';
  RETURN NEW;
END $$;

CREATE TRIGGER remember_severe BEFORE INSERT OR UPDATE OF lane ON review_case
  FOR EACH ROW EXECUTE FUNCTION remember_severe();

UPDATE review_case SET severe = true WHERE lane = 'severe';
