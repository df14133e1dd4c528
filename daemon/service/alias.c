/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service/alias.h"

#include <ini.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "config.h"

#define ALIASES_FILE     FWD_CONFDIR "/aliases"
#define ALIASES_MAX      256U
#define ALIAS_LENGTH_MAX 64U

static bool name_is_taken(const struct service *service, const char *name, const char *port) {
        for (size_t i = 0; i < service->n_aliases; i++)
                if (strcmp(service->aliases[i].name, name) == 0 ||
                    strcmp(service->aliases[i].port, port) == 0)
                        return true;
        return false;
}

static int add_alias(struct service *service, const char *name, const char *port) {
        struct alias *grown;
        _cleanup_free_ char *name_copy = strdup(name), *port_copy = strdup(port);

        if (!name_copy || !port_copy)
                return -ENOMEM;
        grown = reallocarray(service->aliases, service->n_aliases + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        service->aliases = grown;
        grown[service->n_aliases++] = (struct alias){TAKE_PTR(name_copy), TAKE_PTR(port_copy)};
        return 0;
}

static int on_entry(void *userdata, const char *section, const char *name, const char *value) {
        struct service *service = userdata;

        if (strcmp(section, "Aliases") != 0 || !*name || !*value ||
            strlen(name) > ALIAS_LENGTH_MAX || strlen(value) > ALIAS_LENGTH_MAX ||
            !text_is_clean(name) || !text_is_clean(value) || service->n_aliases >= ALIASES_MAX ||
            name_is_taken(service, name, value))
                return 0;
        return add_alias(service, name, value) == 0;
}

void aliases_load(struct service *service) {
        const char *path = getenv("FWD_ALIASES");
        int r;

        if (!path)
                path = ALIASES_FILE;
        r = ini_parse(path, on_entry, service);
        if (r > 0)
                log_warning("%s: line %d is not an alias (name = port, each once), left out", path,
                            r);
}

void aliases_clear(struct service *service) {
        for (size_t i = 0; i < service->n_aliases; i++) {
                free(service->aliases[i].name);
                free(service->aliases[i].port);
        }
        free(service->aliases);
        service->aliases = NULL;
        service->n_aliases = 0;
}

const char *alias_of_port(const struct service *service, const char *port) {
        for (size_t i = 0; i < service->n_aliases; i++)
                if (strcmp(service->aliases[i].port, port) == 0)
                        return service->aliases[i].name;
        return "";
}
