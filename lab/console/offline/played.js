/**
 * Where the page of `lab play` gets its data from: the lesson from a recording, as an exported page
 * does, and what is not in it, such as kept runs, from the console.
 */

import { send as fromRecording } from "./recorded.js";

export * from "./recorded.js";

/** The console is asked for kept runs. */
export const keptRuns = null;

/** Send a request to the recording, then to the console. */
export async function send(path, how = {}) {
  const answer = await fromRecording(path, how);
  return answer.status === 404 && !how.method ? fetch(path, how) : answer;
}
