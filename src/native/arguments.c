#include "arguments.h"

#include <errno.h>
#include <math.h>
#include <string.h>

bool throw_type_error(napi_env env, const char *message) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return false;
}

bool open_call(napi_env env, napi_callback_info info, size_t count, struct call *call) {
  call->env = env;
  // Those that are missing become undefined.
  return napi_get_cb_info(env, info, &count, call->arguments, NULL, NULL) == napi_ok;
}

static bool take_integer(const struct call *call, size_t index, double most, double *value) {
  if (napi_get_value_double(call->env, call->arguments[index], value) != napi_ok || !(*value >= 0 && *value <= most) ||
      *value != floor(*value))
    return throw_type_error(call->env, "an integer in range is needed");
  return true;
}

bool take_descriptor(const struct call *call, size_t index, int *fd) {
  double value;
  if (!take_integer(call, index, INT32_MAX, &value)) return false;
  *fd = (int)value;
  return true;
}

bool take_uint32(const struct call *call, size_t index, uint32_t *value) {
  double number;
  if (!take_integer(call, index, UINT32_MAX, &number)) return false;
  *value = (uint32_t)number;
  return true;
}

bool take_int64(const struct call *call, size_t index, int64_t *value) {
  bool lossless = false;
  if (napi_get_value_bigint_int64(call->env, call->arguments[index], value, &lossless) == napi_ok && lossless) return true;
  return throw_type_error(call->env, "a bigint of 64 bits is needed");
}

bool take_bytes(const struct call *call, size_t index, struct bytes *bytes) {
  bool is_buffer = false;
  void *data = NULL;
  if (napi_is_buffer(call->env, call->arguments[index], &is_buffer) != napi_ok || !is_buffer ||
      napi_get_buffer_info(call->env, call->arguments[index], &data, &bytes->length) != napi_ok)
    return throw_type_error(call->env, "a Buffer is needed");
  bytes->data = data;
  return true;
}

static bool take_typed_array(const struct call *call, size_t index, napi_typedarray_type wanted, size_t *count, void **data) {
  bool is_array = false;
  napi_typedarray_type type;
  if (napi_is_typedarray(call->env, call->arguments[index], &is_array) != napi_ok || !is_array ||
      napi_get_typedarray_info(call->env, call->arguments[index], &type, count, data, NULL, NULL) != napi_ok || type != wanted)
    return throw_type_error(call->env, "a typed array of another kind is needed");
  return true;
}

bool take_descriptors(const struct call *call, size_t index, struct descriptors *descriptors) {
  void *data = NULL;
  if (!take_typed_array(call, index, napi_int32_array, &descriptors->count, &data)) return false;
  descriptors->fds = data;
  for (size_t i = 0; i < descriptors->count; i++)
    if (descriptors->fds[i] < 0) return throw_type_error(call->env, "a descriptor is not negative");
  return true;
}

bool take_offsets(const struct call *call, size_t index, struct offsets *offsets) {
  void *data = NULL;
  if (!take_typed_array(call, index, napi_uint32_array, &offsets->count, &data)) return false;
  offsets->values = data;
  return true;
}

static bool to_text(napi_env env, napi_value value, char text[name_bytes]) {
  const struct call call = {env, {value}};
  struct bytes bytes;
  if (!take_bytes(&call, 0, &bytes)) return false;
  if (bytes.length == 0 || bytes.length >= name_bytes || memchr(bytes.data, 0, bytes.length) != NULL)
    return throw_type_error(env, "a name or path has 1 to 4095 bytes, and no 0 among them");
  memcpy(text, bytes.data, bytes.length);
  text[bytes.length] = 0;
  return true;
}

bool is_name(const char *text) {
  return *text != 0 && strchr(text, '/') == NULL && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

bool take_text(const struct call *call, size_t index, char text[name_bytes]) {
  return to_text(call->env, call->arguments[index], text);
}

bool take_name(const struct call *call, size_t index, char name[name_bytes]) {
  return to_name(call->env, call->arguments[index], name);
}

bool to_name(napi_env env, napi_value value, char name[name_bytes]) {
  return to_text(env, value, name) && (is_name(name) || throw_type_error(env, "a name is no path, and not \".\" or \"..\""));
}

bool take_packed_names(const struct call *call, size_t index, size_t count, struct packed_names *names) {
  struct bytes bytes;
  char name[name_bytes];
  if (!take_bytes(call, index, &bytes)) return false;
  const char *start = (const char *)bytes.data;
  *names = (struct packed_names){start, start + bytes.length};
  for (size_t i = 0; i < count; i++)
    if (!next_name(names, name))
      return throw_type_error(call->env, "each name ends with a 0 byte, is no path, and not \".\" or \"..\"");
  if (names->next != names->end) return throw_type_error(call->env, "there are more names than expected");
  names->next = start;
  return true;
}

bool next_name(struct packed_names *names, char name[name_bytes]) {
  const size_t rest = (size_t)(names->end - names->next);
  const char *end = memccpy(name, names->next, 0, rest < name_bytes ? rest : name_bytes);
  if (end == NULL || !is_name(name)) return false;
  names->next += end - name;
  return true;
}

napi_value answer(napi_env env, int64_t value) {
  napi_value result = NULL;
  napi_create_int64(env, value, &result);
  return result;
}

napi_value answer_result(napi_env env, int64_t result) { return answer(env, result < 0 ? -errno : result); }

napi_value make_buffer(napi_env env, size_t length, void **data) {
  napi_value buffer = NULL;
  if (napi_create_buffer(env, length, data, &buffer) == napi_ok) return buffer;
  bool is_pending = false;
  if (napi_is_exception_pending(env, &is_pending) == napi_ok && !is_pending)
    napi_throw_range_error(env, "ERR_MEMORY_ALLOCATION_FAILED", "there is no memory for a buffer");
  return NULL;
}
