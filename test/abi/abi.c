/* Exports what the C headers of the running Node say about libuv, Node-API and OpenSSL, for comparison with the numbers
 * that crates/addon and crates/net bind by hand. Owns no behaviour: every export is a number. */
#include <node_api.h>
#include <openssl/pemerr.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <uv.h>

static void set(napi_env env, napi_value exports, const char *name, int64_t number) {
  napi_value value;
  napi_create_int64(env, number, &value);
  napi_set_named_property(env, exports, name, value);
}

#define SET(name) set(env, exports, #name, (int64_t)(name))

NAPI_MODULE_INIT() {
  /* handles */
  SET(UV_ASYNC);
  SET(UV_CHECK);
  SET(UV_IDLE);
  SET(UV_POLL);
  SET(UV_PREPARE);
  SET(UV_SIGNAL);
  SET(UV_TCP);
  SET(UV_TIMER);
  /* poll events */
  SET(UV_READABLE);
  SET(UV_WRITABLE);
  SET(UV_DISCONNECT);
  SET(UV_PRIORITIZED);
  /* sizes by the headers, and as the libuv inside this process has them */
  set(env, exports, "UV_POLL_SIZE", sizeof(uv_poll_t));
  set(env, exports, "UV_PREPARE_SIZE", sizeof(uv_prepare_t));
  set(env, exports, "UV_CHECK_SIZE", sizeof(uv_check_t));
  set(env, exports, "UV_IDLE_SIZE", sizeof(uv_idle_t));
  set(env, exports, "UV_TIMER_SIZE", sizeof(uv_timer_t));
  set(env, exports, "uv_handle_size(UV_POLL)", (int64_t)uv_handle_size(UV_POLL));
  set(env, exports, "offsetof(uv_handle_t, data)", offsetof(uv_handle_t, data));
  set(env, exports, "offsetof(uv_handle_t, loop)", offsetof(uv_handle_t, loop));
  /* errors that libuv gives */
  SET(UV_EOF);
  SET(UV_EBADF);
  SET(UV_EPERM);
  SET(UV_EEXIST);
  SET(UV_EINVAL);
  /* versions */
  set(env, exports, "UV_VERSION_HEX", UV_VERSION_HEX);
  set(env, exports, "uv_version()", uv_version());
  set(env, exports, "NAPI_VERSION", NAPI_VERSION);
  /* Node-API */
  set(env, exports, "NAPI_AUTO_LENGTH", (int64_t)NAPI_AUTO_LENGTH);
  SET(napi_ok);
  SET(napi_invalid_arg);
  SET(napi_object_expected);
  SET(napi_generic_failure);
  SET(napi_pending_exception);
  SET(napi_cancelled);
  SET(napi_closing);
  SET(napi_int8_array);
  SET(napi_uint8_array);
  SET(napi_int32_array);
  SET(napi_uint32_array);
  SET(napi_float64_array);
  SET(napi_undefined);
  SET(napi_null);
  SET(napi_boolean);
  SET(napi_number);
  SET(napi_string);
  SET(napi_symbol);
  SET(napi_object);
  SET(napi_function);
  SET(napi_external);
  SET(napi_bigint);
  /* OpenSSL: crates/net/src/openssl.rs and tls/ */
  SET(SSL_CTRL_MODE);
  SET(SSL_CTRL_SET_READ_AHEAD);
  SET(SSL_CTRL_SET_SESS_CACHE_MODE);
  SET(SSL_CTRL_SET_TLSEXT_HOSTNAME);
  SET(SSL_CTRL_CHAIN_CERT);
  SET(SSL_CTRL_SET_MIN_PROTO_VERSION);
  set(env, exports, "TLSEXT_NAMETYPE_HOST_NAME", TLSEXT_NAMETYPE_host_name);
  SET(SSL_SESS_CACHE_OFF);
  SET(SSL_MODE_ENABLE_PARTIAL_WRITE);
  SET(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SET(SSL_MODE_RELEASE_BUFFERS);
  SET(SSL_OP_IGNORE_UNEXPECTED_EOF);
  SET(SSL_OP_NO_TICKET);
  SET(SSL_OP_NO_COMPRESSION);
  SET(SSL_OP_NO_RENEGOTIATION);
  SET(SSL_VERIFY_NONE);
  SET(SSL_VERIFY_PEER);
  SET(SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
  SET(SSL_ERROR_WANT_READ);
  SET(SSL_ERROR_WANT_WRITE);
  SET(SSL_ERROR_ZERO_RETURN);
  SET(BIO_TYPE_SOURCE_SINK);
  SET(BIO_CTRL_FLUSH);
  SET(BIO_FLAGS_READ);
  SET(BIO_FLAGS_WRITE);
  SET(BIO_FLAGS_SHOULD_RETRY);
  SET(X509_V_FLAG_PARTIAL_CHAIN);
  SET(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  SET(SSL_R_CERTIFICATE_VERIFY_FAILED);
  SET(PEM_R_NO_START_LINE);
  return exports;
}
