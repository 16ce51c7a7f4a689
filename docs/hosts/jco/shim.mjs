// Corrects preview2-shim 0.26.1, jco's implementation of WASI, where it deviates from WASI. Import
// this file before the component.
import { _setEnv } from "@bytecodealliance/preview2-shim/cli";
import { types } from "@bytecodealliance/preview2-shim/http";

// preview2-shim passes all variables of the process to the component. It needs only its own.
const variables = Object.entries(process.env).filter(([name]) => name.startsWith("HOMER_"));
_setEnv(Object.fromEntries(variables));

// preview2-shim waits for the first byte of a response only as long as for the connection, which is
// 10 s here, but Homer may take minutes. It then reports a failed connection.
const { FutureIncomingResponse, RequestOptions } = types;
RequestOptions.prototype.connectTimeout = RequestOptions.prototype.firstByteTimeout;
const { get } = FutureIncomingResponse.prototype;
FutureIncomingResponse.prototype.get = function () {
  const result = get.call(this);
  if (result?.val?.val?.tag === "connection-timeout") result.val.val.tag = "HTTP-response-timeout";
  return result;
};

// preview2-shim has no WASI error for a response that is cut off. The value that it returns instead
// stops the component, or the whole server.
types.httpErrorCode = ({ payload }) => (typeof payload?.tag === "string" ? payload : undefined);
