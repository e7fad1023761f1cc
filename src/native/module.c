#include "module.h"

// Without any state, so that it can be loaded in every thread.
NAPI_MODULE_INIT() {
#define PROPERTY(name) {#name, NULL, name, NULL, NULL, NULL, napi_enumerable, NULL},
  const napi_property_descriptor properties[] = {FUNCTIONS(PROPERTY)};
#undef PROPERTY
  napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties);
  return exports;
}
