// Binds the functions of CADBC.h to a library that is found at run time.
//
// For each function there is a slot, filled by `hs_adbc_load`, and a trampoline of the
// function's own name: it jumps through the slot and touches no other register, so every
// signature, also with structures by value, works without being repeated here. The trampolines
// are hidden, so that the library's own calls among its functions are not caught by them.

#include "include/CADBC.h"

#include <dlfcn.h>
#include <stdio.h>

#ifdef __APPLE__
#define SYMBOL(name) "_" #name
#define HIDDEN(name) ".private_extern _" #name "\n"
#else
#define SYMBOL(name) #name
#define HIDDEN(name) ".hidden " #name "\n.type " #name ", %function\n"
#endif

#if defined(__x86_64__)
#define JUMP(name) "jmpq *" SYMBOL(hs_adbc_slot_##name) "(%rip)\n"
#elif defined(__aarch64__) && defined(__APPLE__)
#define JUMP(name)                                      \
  "adrp x16, " SYMBOL(hs_adbc_slot_##name) "@PAGE\n"         \
  "ldr x16, [x16, " SYMBOL(hs_adbc_slot_##name) "@PAGEOFF]\n" \
  "br x16\n"
#elif defined(__aarch64__)
#define JUMP(name)                                  \
  "adrp x16, " SYMBOL(hs_adbc_slot_##name) "\n"          \
  "ldr x16, [x16, :lo12:" SYMBOL(hs_adbc_slot_##name) "]\n" \
  "br x16\n"
#else
#error "no trampolines for this processor"
#endif

// Stands in for an optional function that the library does not have.
static AdbcStatusCode missing(void) { return ADBC_STATUS_NOT_IMPLEMENTED; }

#define REQUIRED(name) __attribute__((visibility("hidden"), used)) void *hs_adbc_slot_##name = (void *)missing;
#define OPTIONAL(name) REQUIRED(name)
#include "functions.inc"
#undef REQUIRED
#undef OPTIONAL

#define REQUIRED(name)                                       \
  __asm__(".text\n.p2align 4\n.globl " SYMBOL(name) "\n" HIDDEN(name) SYMBOL(name) ":\n" JUMP(name));
#define OPTIONAL(name) REQUIRED(name)
#include "functions.inc"
#undef REQUIRED
#undef OPTIONAL

static char reason[512];

const char *hs_adbc_load(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *error = dlerror();
    snprintf(reason, sizeof reason, "%s", error ? error : "cannot be loaded");
    return reason;
  }
  const char *absent = NULL;
  void *address;
#define REQUIRED(name)            \
  address = dlsym(library, #name); \
  if (!address) absent = absent ? absent : #name;
#define OPTIONAL(name)
#include "functions.inc"
#undef REQUIRED
#undef OPTIONAL
  if (absent) {
    snprintf(reason, sizeof reason, "%s has no function %s", path, absent);
    dlclose(library);
    return reason;
  }
#define REQUIRED(name)            \
  address = dlsym(library, #name); \
  if (address) hs_adbc_slot_##name = address;
#define OPTIONAL(name) REQUIRED(name)
#include "functions.inc"
#undef REQUIRED
#undef OPTIONAL
  return NULL;
}
