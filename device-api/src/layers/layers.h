/* Layers: plugins that wrap a plugin. What the loader needs of them.
 *
 * A layer has the same tables of hooks as a plugin and hands out handles of its own; the plugin inside it, or the next
 * layer, sees a host table of the layer's. Layers are put on when a plugin is opened, so that a plugin without layers is
 * called as if there were none. */
#ifndef TENON__LAYERS_LAYERS_H
#define TENON__LAYERS_LAYERS_H

#include "loader/hooks.h"

/* Layers that were asked for, in order from the host to the plugin, with their options and what they share between the
 * plugins of a registry. Counted: every open plugin holds a reference. */
typedef struct tenon__layers tenon__layers;

/* Reads "a,b:option=value:option=value". A backslash takes the next character as it is. An empty text gives NULL.
 * Errors: NOT_FOUND (layer; the message lists those there are), INVALID (option; likewise), IO, OUT_OF_MEMORY. */
tenon_status tenon__layers_parse(const char *text, tenon__layers **out_layers);
tenon__layers *tenon__layers_retain(tenon__layers *layers);
void tenon__layers_release(tenon__layers *layers); /* NULL is allowed */

/* Opens a plugin inside of layers. `version` is the negotiated one.
 * Owner:  *out_hooks stands for the plugin from then on; its plugin.close closes the layers and the plugin.
 * Errors: what the plugin's open answers, after its report; OUT_OF_MEMORY. Nothing is written then. */
tenon_status tenon__layers_open(tenon__layers *layers, const tenon__hooks *plugin, uint32_t version,
                                const tenon_host *host, tenon__hooks *out_hooks, tenon_instance **out_instance);

#endif
