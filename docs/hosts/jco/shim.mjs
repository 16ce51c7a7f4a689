// Where preview2-shim, jco's WASI (0.26.1), does otherwise than WASI says. To be imported before a component of ours.
import { _setEnv } from "@bytecodealliance/preview2-shim/cli";
import { types } from "@bytecodealliance/preview2-shim/http";

// It shows the component all variables of the process; ours has no business with those of others.
_setEnv(Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("HOMER_"))));

// It gives the reply's first byte no longer than the connection, which is 10 s here, where a Homer may take minutes; and then
// says that there was no connection.
const { FutureIncomingResponse, RequestOptions } = types;
RequestOptions.prototype.connectTimeout = RequestOptions.prototype.firstByteTimeout;
const { get } = FutureIncomingResponse.prototype;
FutureIncomingResponse.prototype.get = function () {
  const answer = get.call(this);
  if (answer?.val?.val?.tag === "connection-timeout") answer.val.val.tag = "HTTP-response-timeout";
  return answer;
};

// It has no WASI error for a reply that breaks off, and what it hands over instead ends the component, or the whole server.
types.httpErrorCode = ({ payload }) => (typeof payload?.tag === "string" ? payload : undefined);
