// What a reader chose, kept in the address: a link opens the same view. Values equal to their default are left out.

export function readState(fields) {
  const given = new URLSearchParams(location.search);
  return Object.fromEntries(Object.entries(fields).map(([name, usual]) => [name, given.get(name) ?? usual]));
}

export function writeState(fields, state) {
  const kept = new URLSearchParams();
  for (const [name, usual] of Object.entries(fields)) if (state[name] !== usual) kept.set(name, state[name]);
  const query = kept.toString();
  history.replaceState(null, "", `${location.pathname}${query ? `?${query}` : ""}${location.hash}`);
}
