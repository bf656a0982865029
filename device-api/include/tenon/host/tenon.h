/* The whole host API: find plugins, open a device, load a model, run it. */
#ifndef TENON_HOST_TENON_H
#define TENON_HOST_TENON_H

#include <tenon/host/device.h>
#include <tenon/host/diagnose.h>
#include <tenon/host/error.h>
#include <tenon/host/exec.h>
#include <tenon/host/registry.h>
#include <tenon/host/tensor.h>

#if __has_include(<tenon/host/array.h>)
#include <tenon/host/array.h>
#endif
#if __has_include(<tenon/host/graph.h>)
#include <tenon/host/graph.h>
#endif
#if __has_include(<tenon/host/onnx.h>)
#include <tenon/host/onnx.h>
#endif
#if __has_include(<tenon/host/session.h>)
#include <tenon/host/session.h>
#endif

#endif
