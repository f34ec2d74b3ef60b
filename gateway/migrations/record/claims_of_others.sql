-- As record/claims.sql has it, less the work of organizations that the one who asks belongs to as a client. This file
-- is what is in force.
--
-- The one statement that hands out cases: a function, so that its plans are kept and its second part sees what was
-- committed before the first part's lock was had.
--
-- It finds the best head over queues and places without any lock; locks, in that place alone, the first case that nobody
-- has locked, with its generation; and takes that generation's open cases of the same queue and of these places, so that
-- one person has all pictures of a request. A place is a lane; for a person who is spared something it is a lane, whether
-- severe, and a category, each of them that they do get. Each look is one probe of a partial index: queue, place, then
-- this very order. Whoever is assigned to no queue works in all; nobody is given what they approved before.
--
-- Whose work a case is stands on its generation. It is read only for those who are a client somewhere, as a scalar:
-- written as a join or with EXISTS, the planner may gather all work of an organization before it looks for one case.
--
-- One row a case; a row without a case where somebody was quicker; none where nothing waits.
-- The migration makes two functions of this, one for each kind of place, and fills in what stands in braces.

CREATE OR REPLACE FUNCTION {name}(
    a_user uuid, lanes text[], severes boolean[], categories text[], a_queue int, passed_over uuid[], oldest boolean,
    a_token uuid, lease_s float)
  RETURNS TABLE (case_id uuid, place smallint, of_generation uuid, of_organization uuid, until timestamptz)
  LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  best record;
  own uuid[] := ARRAY(SELECT m.organization_id FROM client_membership m WHERE m.user_id = a_user);
BEGIN
  until := now() + make_interval(secs => lease_s);
  IF oldest THEN
    SELECT c.queue_id, {columns} INTO best
      FROM queue q CROSS JOIN {places} CROSS JOIN LATERAL (
        SELECT c.* FROM review_case c WHERE c.queue_id = q.id AND {same:l} AND {free}
         ORDER BY uuid_extract_timestamp(c.id) LIMIT 1) c
     WHERE {served} ORDER BY uuid_extract_timestamp(c.id) LIMIT 1;
    SELECT g.id, g.organization_id INTO of_generation, of_organization
      FROM review_case c JOIN generation g ON g.id = c.generation_id
     WHERE c.queue_id = best.queue_id AND {same:best} AND {free}
     ORDER BY uuid_extract_timestamp(c.id) LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
  ELSE
    SELECT c.queue_id, {columns} INTO best
      FROM queue q CROSS JOIN {places} CROSS JOIN LATERAL (
        SELECT c.* FROM review_case c WHERE c.queue_id = q.id AND {same:l} AND {free}
         ORDER BY c.priority DESC, c.due_at, c.id LIMIT 1) c
     WHERE {served} ORDER BY c.priority DESC, c.due_at, c.id LIMIT 1;
    SELECT g.id, g.organization_id INTO of_generation, of_organization
      FROM review_case c JOIN generation g ON g.id = c.generation_id
     WHERE c.queue_id = best.queue_id AND {same:best} AND {free}
     ORDER BY c.priority DESC, c.due_at, c.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
  END IF;
  IF best.queue_id IS NULL THEN
    RETURN;
  END IF;
  FOR case_id, place IN
    UPDATE review_case c SET lease_user_id = a_user, lease_token = a_token, lease_until = until
     WHERE c.generation_id = of_generation AND c.queue_id = best.queue_id AND {free}
       AND EXISTS (SELECT FROM {places} WHERE {same:l})
    RETURNING c.id, (SELECT i.position FROM image i WHERE i.id = c.image_id)
  LOOP
    RETURN NEXT;
  END LOOP;
  IF case_id IS NULL THEN
    RETURN NEXT;
  END IF;
END $$;
