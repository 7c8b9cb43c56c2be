/** The curl command that repeats an exchange, with this window's own credentials: pure. */

/**
 * For bash and zsh. `own` holds this window's own credentials at that desk, {cookie, token}, or is
 * {}: then a cookie jar and an empty TOKEN stand for them. The result is for the clipboard only.
 */
export function commandOf(curl, base, own = {}) {
  const line = own.cookie ? curl.replace("-b jar ", () => `-b ${quoted(own.cookie)} `) : curl;
  return [`BASE=${base}`, `TOKEN=${own.token ? quoted(own.token) : ""}`, line, ""].join("\n");
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
