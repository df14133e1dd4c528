/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "image/claims.h"

/* Directories under configs/ of Betaflight's configuration repository, the boards that are common.
 * A name that is not here only means that its image does not say its board. Left out: names that
 * could be a word of their own (REVO). */
static const char *const names[] = {
        "AXISFLYINGF7PRO",  "BETAFPVF411",        "BETAFPVF435",         "BETAFPVG473",
        "DAKEFPVF722",      "FLYWOOF405S_AIO",    "FLYWOOF745",          "FOXEERF722V4",
        "GEPRCF722",        "IFLIGHT_BLITZ_F722", "IFLIGHT_H743_AIO_V2", "JHEF411",
        "JHEF745",          "KAKUTEF7",           "KAKUTEG4AIO",         "KAKUTEH7",
        "KAKUTEH7MINI",     "KAKUTEH7V2",         "MAMBAF405US",         "MAMBAF722_2022B",
        "MAMBAH743_2022B",  "MATEKF405TE",        "MATEKF411",           "MATEKF722SE",
        "MATEKH743",        "NEUTRONRCF435MINI",  "OMNIBUSF4SD",         "RUSHCORE7",
        "SKYSTARSH7HD",     "SPEEDYBEEF405V3",    "SPEEDYBEEF405V4",     "SPEEDYBEEF405WING",
        "SPEEDYBEEF7V3",    "SPRACINGH7EXTREME",  "SPRACINGH7RF",        "TBS_LUCID_FC",
        "TBS_LUCID_RPI_FC", "TMOTORF7V2",
};

bool board_name_is_known(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return true;
        return false;
}
