// Included before every C++ file of the native packages (bin/install.mjs). Since 24.19 the ObjectWrap of Node's headers removes a cleanup hook when an object is collected,
// and Node ends with SIGABRT where that happens outside a context, as in any garbage collection of an idle loop (nodejs/node#65446). better-sqlite3 12, the last one
// for Node 20, wraps its objects so. Here ObjectWrap is as it was before: what is not collected when the program ends is left to the end.
#pragma once
#include <node.h>
namespace node {
inline void NoCleanupHook(v8::Isolate*, void (*)(void*), void*) {}
}  // namespace node
#define AddEnvironmentCleanupHook NoCleanupHook
#define RemoveEnvironmentCleanupHook NoCleanupHook
#include <node_object_wrap.h>
#undef AddEnvironmentCleanupHook
#undef RemoveEnvironmentCleanupHook
