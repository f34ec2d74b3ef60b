// Posting to this door: the form fields, the anti-forgery token, nothing else.

export async function post(url, fields, options = {}) {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
  return fetch(url, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { "X-CSRFToken": token },
    redirect: "manual",
    cache: "no-store",
    ...options,
  });
}
