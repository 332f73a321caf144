#include "aggregator/function.h"

const char function_text[] =
#include "aggregator/darkcount.lua.inc"
    ;
