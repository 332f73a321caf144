#include "aggregator/durability.h"

#include <string.h>

#include "common/err.h"

int durability_parse(struct durability *durability, const char *word, uint64_t replicas,
                     uint64_t wait_ms, char *errmsg)
{
    bool both = word && strcmp(word, "both") == 0;
    bool fsync = both || (word && strcmp(word, "fsync") == 0);
    bool copies = both || (word && strcmp(word, "replicas") == 0);
    if (word && !fsync && !copies)
        return err_set(errmsg, ERR_INVALID,
                       "[store] durability: '%.80s' is none of fsync, replicas, both", word);
    if (replicas > 0 && !copies)
        return err_set(
            errmsg, ERR_INVALID,
            "[store] replicas: nobody waits for them; set durability = replicas or both");
    *durability = (struct durability){.stated = word != NULL,
                                      .fsync = fsync,
                                      .replicas = !copies    ? 0
                                                  : replicas ? replicas
                                                             : 1,
                                      .wait_ms = wait_ms};
    return 0;
}
