/* The plugin ABI as an object: its entry leads to every struct, and to every hook's type. ci/abi-check has abidw describe
 * it and abidiff compare it with the recorded description, plugin.abi.gz. */
#include <tenon/plugin.h>

const tenon_plugin *tenon_plugin_query(void) {
    return NULL;
}

/* What no table leads to. */
TENON_EXPORT tenon_kernel_c11 tenon_abi_kernel;
