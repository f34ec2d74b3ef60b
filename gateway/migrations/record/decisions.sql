-- What rests on people, and the proof of it. Grants are written first, the image second, the case last: each trigger
-- reads the later rows as they still are.

CREATE FUNCTION decision_allowed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  c review_case;
  shown bytea;
  why text;
BEGIN
  SELECT * INTO c FROM review_case WHERE id = NEW.case_id FOR NO KEY UPDATE;
  IF c.image_id IS NULL THEN SELECT prompt_sha256 INTO shown FROM generation WHERE id = c.generation_id;
  ELSE SELECT master_sha256 INTO shown FROM image WHERE id = c.image_id;
  END IF;
  why := CASE
    WHEN NEW.at <> now() THEN 'not now'
    WHEN NEW.version <> c.version THEN 'stale version'
    WHEN NEW.sha256 IS DISTINCT FROM shown THEN 'other bytes'
    WHEN NEW.outcome = 'undo' THEN CASE
      WHEN c.status <> 'decided' OR NOT EXISTS (SELECT FROM decision d
          WHERE d.id = NEW.undoes_id AND d.case_id = c.id AND d.user_id = NEW.user_id
            AND d.version = c.version - 1 AND d.outcome <> 'undo') THEN 'nothing to undo' END
    WHEN c.status <> 'open' THEN 'not open'
    WHEN c.lease_user_id IS DISTINCT FROM NEW.user_id OR c.lease_token IS DISTINCT FROM NEW.token
      OR c.lease_until <= now() THEN 'no live claim'
    WHEN NEW.outcome = 'release' AND NOT EXISTS (SELECT FROM look l
        WHERE l.case_id = c.id AND l.user_id = NEW.user_id AND l.sha256 = NEW.sha256 AND l.ms >= 1000) THEN 'no look'
    WHEN (NEW.outcome = 'release' AND c.kind = 'prompt') OR (NEW.outcome = 'approve' AND c.kind = 'image') THEN 'wrong word'
    WHEN NEW.outcome IN ('release', 'approve') AND EXISTS (SELECT FROM standing_decision d
        WHERE d.case_id = c.id AND d.user_id = NEW.user_id AND d.outcome IN ('release', 'approve')) THEN 'second of one person'
    END;
  IF why IS NOT NULL THEN
    RAISE EXCEPTION 'decision refused: %', why USING ERRCODE = 'check_violation', CONSTRAINT = 'decision_allowed';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER decision_allowed BEFORE INSERT ON decision FOR EACH ROW EXECUTE FUNCTION decision_allowed();

-- As many people as the case asks for, all due, none undone, all about these bytes.
CREATE FUNCTION people_said_yes(a_case uuid, an_image uuid, a_generation uuid, bytes bytea) RETURNS boolean
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT count(DISTINCT d.user_id) >= max(c.approvals_required)
  FROM review_case c JOIN standing_decision d ON d.case_id = c.id
  WHERE c.id = a_case AND c.image_id IS NOT DISTINCT FROM an_image AND c.generation_id = a_generation
    AND c.status = 'decided' AND c.effective_at <= now()
    AND d.outcome IN ('release', 'approve') AND d.sha256 = bytes AND d.effective_at <= now() $$;

-- Whether a grant rests on people is read from the image, never from what the caller writes.
CREATE FUNCTION grant_allowed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  i image;
BEGIN
  SELECT * INTO i FROM image WHERE id = NEW.image_id FOR NO KEY UPDATE;
  IF i.master_sha256 = NEW.master_sha256 AND (
      (i.status = 'generated' AND NEW.case_id IS NULL AND NOT i.hold_anyway AND session_user = 'screening')
      OR (i.status = 'held' AND people_said_yes(NEW.case_id, i.id, i.generation_id, NEW.master_sha256))) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'grant refused: image % is %', i.id, i.status
    USING ERRCODE = 'check_violation', CONSTRAINT = 'grant_allowed';
END $$;
CREATE TRIGGER grant_allowed BEFORE INSERT ON release_grant FOR EACH ROW EXECUTE FUNCTION grant_allowed();

-- The other effects rest on people too: a held prompt cleared or refused, a held image rejected. (A seal may refuse.)
CREATE FUNCTION said_so() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  c review_case;
  said boolean;
BEGIN
  IF TG_TABLE_NAME = 'image' THEN
    SELECT * INTO c FROM review_case WHERE image_id = NEW.id AND kind = 'image' AND status = 'decided';
  ELSE
    SELECT * INTO c FROM review_case WHERE generation_id = NEW.id AND kind = 'prompt' AND status = 'decided';
  END IF;
  IF TG_ARGV[0] = 'approve' THEN
    said := people_said_yes(c.id, NULL, NEW.id, (SELECT prompt_sha256 FROM generation WHERE id = NEW.id));
  ELSE
    said := c.effective_at <= now() AND EXISTS (SELECT FROM standing_decision d
      WHERE d.case_id = c.id AND d.version = c.version - 1 AND d.outcome = 'deny' AND d.effective_at <= now());
  END IF;
  IF said IS NOT TRUE THEN
    RAISE EXCEPTION '% %: nobody said so', TG_TABLE_NAME, NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'said_so';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER said_yes BEFORE UPDATE ON generation FOR EACH ROW
  WHEN (OLD.prompt_state = 'held' AND NEW.prompt_state = 'cleared') EXECUTE FUNCTION said_so('approve');
CREATE TRIGGER said_no BEFORE UPDATE ON generation FOR EACH ROW
  WHEN (OLD.prompt_state = 'held' AND NEW.prompt_state = 'refused' AND NEW.sealed_at IS NULL) EXECUTE FUNCTION said_so('deny');
CREATE TRIGGER said_no BEFORE UPDATE ON image FOR EACH ROW
  WHEN (OLD.status = 'held' AND NEW.status = 'rejected') EXECUTE FUNCTION said_so('deny');

-- No picture is made from a prompt that nobody cleared; those of a prompt that people approved are held whatever they score.
CREATE FUNCTION cleared_first() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM generation WHERE id = NEW.generation_id AND prompt_state = 'cleared')
      OR (NOT NEW.hold_anyway AND EXISTS (SELECT FROM review_case c JOIN standing_decision d ON d.case_id = c.id
          WHERE c.generation_id = NEW.generation_id AND d.outcome = 'approve')) THEN
    RAISE EXCEPTION 'image %: prompt not cleared, or approved and not to be held', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'cleared_first';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER cleared_first AFTER UPDATE ON image DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.status = 'waiting' AND NEW.status = 'pending') EXECUTE FUNCTION cleared_first();
