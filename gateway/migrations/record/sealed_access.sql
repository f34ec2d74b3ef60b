-- What is sealed opens to two people for a time, and is lifted by no fewer; a requester's further work is held by an
-- officer, never by a score.

INSERT INTO edge VALUES
  ('sealed_access', '-', 'asked', '{people}'),
  ('sealed_access', 'asked', 'agreed', '{people}'),
  ('sealed_access', 'asked', 'ended', '{people}'),
  ('sealed_access', 'agreed', 'ended', '{people}'),
  ('requester_hold', '-', 'placed', '{people}'),
  ('requester_hold', 'placed', 'lifted', '{people}');
DO $$
DECLARE
  a_table text;
BEGIN
  FOREACH a_table IN ARRAY '{sealed_access,requester_hold}'::text[] LOOP
    EXECUTE format('CREATE CONSTRAINT TRIGGER birth_allowed AFTER INSERT ON %I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
      EXECUTE FUNCTION step_allowed(%L)', a_table, a_table);
    EXECUTE format('CREATE CONSTRAINT TRIGGER step_allowed AFTER UPDATE ON %I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
      WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION step_allowed(%L)', a_table, a_table);
  END LOOP;
END $$;

CREATE FUNCTION is_active(a_person uuid, roles text[]) RETURNS boolean LANGUAGE sql STABLE
  SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM person WHERE id = a_person AND is_active AND role = ANY (roles)) $$;

-- The seal that stands on a generation: its newest, while the generation is sealed.
CREATE FUNCTION seal_stands(a_seal uuid) RETURNS boolean LANGUAGE sql STABLE
  SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM seals s JOIN generation g ON g.id = s.generation_id
    WHERE s.id = a_seal AND s.lifted_at IS NULL AND g.sealed_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM seals later WHERE later.generation_id = s.generation_id AND later.id > s.id)) $$;

-- An officer asks, for a written reason; another officer agrees while the request lives (to a lift, a senior may); the
-- time box is at most an hour. `agreed` and `ended` are written once and nothing else ever changes.
CREATE FUNCTION access_allowed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  why text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    why := CASE
      WHEN NEW.asked_at <> now() OR NEW.agreed_at IS NOT NULL OR NEW.ended_at IS NOT NULL THEN 'not now'
      WHEN NOT is_active(NEW.asked_by_id, '{officer}') THEN 'not an officer'
      WHEN length(btrim(NEW.reason)) < 20 THEN 'no reason'
      WHEN NEW.ask_until <= now() OR NEW.ask_until > now() + interval '1 day' THEN 'too long'
      WHEN NOT seal_stands(NEW.seal_id) THEN 'not sealed'
      END;
  ELSE
    why := CASE
      WHEN (NEW.id, NEW.seal_id, NEW.purpose, NEW.reason, NEW.asked_by_id, NEW.asked_at, NEW.ask_until)
        IS DISTINCT FROM (OLD.id, OLD.seal_id, OLD.purpose, OLD.reason, OLD.asked_by_id, OLD.asked_at, OLD.ask_until)
        THEN 'another request'
      WHEN OLD.ended_at IS NOT NULL THEN 'ended'
      WHEN NEW.ended_at IS DISTINCT FROM OLD.ended_at AND (NEW.ended_at <> now()
        OR (NEW.agreed_by_id, NEW.agreed_at, NEW.until) IS DISTINCT FROM (OLD.agreed_by_id, OLD.agreed_at, OLD.until))
        THEN 'not now'
      WHEN NEW.ended_at IS NOT NULL THEN NULL
      WHEN OLD.agreed_at IS NOT NULL THEN 'agreed already'
      WHEN NEW.agreed_at IS DISTINCT FROM now() THEN 'not now'
      WHEN NEW.agreed_at >= OLD.ask_until THEN 'too late'
      WHEN NEW.until <= now() OR NEW.until > now() + interval '1 hour' THEN 'too long'
      WHEN NEW.agreed_by_id = OLD.asked_by_id THEN 'one person'
      WHEN NOT is_active(OLD.asked_by_id, '{officer}') OR NOT is_active(NEW.agreed_by_id,
        CASE OLD.purpose WHEN 'lift' THEN '{officer,senior}' ELSE '{officer}' END::text[]) THEN 'not an officer'
      WHEN NOT seal_stands(OLD.seal_id) THEN 'not sealed'
      END;
  END IF;
  IF why IS NOT NULL THEN
    RAISE EXCEPTION 'access refused: %', why USING ERRCODE = 'check_violation', CONSTRAINT = 'access_allowed';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER access_allowed BEFORE INSERT OR UPDATE ON sealed_access FOR EACH ROW EXECUTE FUNCTION access_allowed();

-- A seal comes off, and a sealed picture's key changes, only while two people have agreed that it was a false alarm.
CREATE FUNCTION two_agreed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  about uuid;
BEGIN
  IF TG_TABLE_NAME = 'generation' THEN about := NEW.id;
  ELSIF TG_TABLE_NAME = 'image' THEN about := NEW.generation_id;
  ELSE
    SELECT generation_id INTO about FROM image WHERE id = NEW.image_id AND status = 'sealed';
    IF NOT FOUND THEN RETURN NULL; END IF;
  END IF;
  IF NOT EXISTS (SELECT FROM sealed_access a JOIN seals s ON s.id = a.seal_id
      WHERE s.generation_id = about AND a.purpose = 'lift' AND a.agreed_at IS NOT NULL AND a.until > now()
        AND (a.ended_at IS NULL OR a.ended_at = now())
        AND NOT EXISTS (SELECT FROM seals later WHERE later.generation_id = about AND later.id > s.id)) THEN
    RAISE EXCEPTION '% of sealed generation %: no two people agreed', TG_TABLE_NAME, about
      USING ERRCODE = 'check_violation', CONSTRAINT = 'two_agreed';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER two_agreed AFTER UPDATE ON generation FOR EACH ROW
  WHEN (OLD.sealed_at IS NOT NULL AND NEW.sealed_at IS NULL) EXECUTE FUNCTION two_agreed();
CREATE TRIGGER two_agreed AFTER UPDATE ON image FOR EACH ROW
  WHEN (OLD.status = 'sealed' AND NEW.status = 'held') EXECUTE FUNCTION two_agreed();
CREATE TRIGGER two_agreed AFTER UPDATE OF wrapped_key ON masters FOR EACH ROW
  WHEN (OLD.wrapped_key IS DISTINCT FROM NEW.wrapped_key) EXECUTE FUNCTION two_agreed();

-- A hold on a requester is placed by an officer and lifted by one, each for a written reason, and never edited.
CREATE FUNCTION hold_allowed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  why text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    why := CASE
      WHEN NEW.placed_at <> now() OR NEW.lifted_at IS NOT NULL THEN 'not now'
      WHEN NOT is_active(NEW.placed_by_id, '{officer}') THEN 'not an officer'
      WHEN length(btrim(NEW.reason)) < 20 THEN 'no reason'
      END;
  ELSE
    why := CASE
      WHEN (NEW.id, NEW.organization_id, NEW.requester, NEW.reason, NEW.placed_by_id, NEW.placed_at)
        IS DISTINCT FROM (OLD.id, OLD.organization_id, OLD.requester, OLD.reason, OLD.placed_by_id, OLD.placed_at)
        THEN 'another hold'
      WHEN OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS DISTINCT FROM now() THEN 'not now'
      WHEN NOT is_active(NEW.lifted_by_id, '{officer}') THEN 'not an officer'
      WHEN length(btrim(NEW.lift_reason)) < 20 THEN 'no reason'
      END;
  END IF;
  IF why IS NOT NULL THEN
    RAISE EXCEPTION 'hold refused: %', why USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_allowed';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER hold_allowed BEFORE INSERT OR UPDATE ON requester_hold FOR EACH ROW EXECUTE FUNCTION hold_allowed();

-- While it stands, no score lets anything of this requester go: neither a prompt nor a picture.
CREATE FUNCTION requester_not_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp AS $$
DECLARE
  g generation;
BEGIN
  IF TG_TABLE_NAME = 'generation' THEN g := NEW;
  ELSE SELECT * INTO g FROM generation WHERE id = (SELECT generation_id FROM image WHERE id = NEW.image_id);
  END IF;
  IF EXISTS (SELECT FROM requester_hold h WHERE h.organization_id = g.organization_id AND h.requester = g.requester
      AND h.lifted_at IS NULL) THEN
    RAISE EXCEPTION 'generation %: an officer holds its requester''s work', g.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'requester_not_held';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER requester_not_held BEFORE UPDATE ON generation FOR EACH ROW
  WHEN (OLD.prompt_state = 'unscored' AND NEW.prompt_state = 'cleared') EXECUTE FUNCTION requester_not_held();
CREATE TRIGGER requester_not_held BEFORE INSERT ON release_grant FOR EACH ROW
  WHEN (NEW.case_id IS NULL) EXECUTE FUNCTION requester_not_held();
