-- Nobody decides work of an organization that they belong to as a client, nor is shown its pictures: whatever the page
-- asked for, and also where they came to belong to it after they claimed. What they said before may be taken back.
CREATE FUNCTION not_ones_own() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM review_case c JOIN generation g ON g.id = c.generation_id
      JOIN client_membership m ON m.organization_id = g.organization_id
      WHERE c.id = NEW.case_id AND m.user_id = NEW.user_id) THEN
    RAISE EXCEPTION '% refused: own organization', TG_TABLE_NAME
      USING ERRCODE = 'check_violation', CONSTRAINT = 'not_ones_own';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER not_ones_own BEFORE INSERT ON decision FOR EACH ROW
  WHEN (NEW.outcome <> 'undo') EXECUTE FUNCTION not_ones_own();
CREATE TRIGGER not_ones_own BEFORE INSERT ON look FOR EACH ROW EXECUTE FUNCTION not_ones_own();
