/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who asks, from where, and what that person may; and the user that the service runs as. */

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/doctor/doctor.h"
#include "client/doctor/mend.h"
#include "config.h"

#define POLKIT           "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_UNIT      "polkit.service"
#define ACTION           "org.fwctl1.flash"
#define ACTION_FILE      FWD_POLKITDIR "/actions/org.fwctl1.policy"
#define EXAMPLE_RULE     FWD_DATADIR "/fwd/examples/50-fwd-operators.rules"
#define OPERATORS        "fwd-operators"
#define SERVICE_USER     "fwd"
#define GROUPS_MAX       128

static void add_install(struct doctor *d, const char *id, const char *message,
                        const char *meaning) {
        _cleanup_free_ char *mend = NULL;
        bool is_command = mend_install(d, "polkitd", "polkit", "polkit", &mend);

        doctor_add(d, &(struct finding){.level = FINDING_PROBLEM,
                                        .id = id,
                                        .message = message,
                                        .meaning = meaning,
                                        .command = is_command ? mend : NULL,
                                        .action = is_command ? NULL : mend});
}

static void polkit_silent(struct doctor *d, const sd_bus_error *error) {
        _cleanup_free_ char *load = doctor_unit_text(d, POLKIT_UNIT, UNIT_INTERFACE, "LoadState");
        _cleanup_free_ char *message = NULL;
        bool masked = load && strcmp(load, "masked") == 0;

        message = masked ? strdup("polkit is masked: systemd may not start it.")
                         : text_format("polkit does not answer (%s).",
                                       error->message ? error->message : "no reason given");
        doctor_problem(d, masked ? "polkit-masked" : "polkit-silent", NULL, message,
                       "The service asks it who may do what; without it only root may flash.",
                       mend_as_root(d,
                                    masked ? "systemctl unmask " POLKIT_UNIT
                                           : "systemctl restart " POLKIT_UNIT,
                                    NULL));
}

/* 1 if polkit knows our actions, 0 if not, negative if it cannot be asked. */
static int knows_action(struct doctor *d, sd_bus_error *error) {
        _cleanup_message_ sd_bus_message *reply = NULL;
        const char *id;
        int r = sd_bus_call_method(d->client->bus, POLKIT, POLKIT_PATH, POLKIT_INTERFACE,
                                   "EnumerateActions", error, &reply, "s", "");

        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ssssssuuua{ss})");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', "ssssssuuua{ss}")) > 0) {
                r = sd_bus_message_read_basic(reply, 's', &id);
                if (r > 0 && strcmp(id, ACTION) == 0)
                        return 1;
                if (r >= 0)
                        r = sd_bus_message_skip(reply, "sssssuuua{ss}");
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        return r < 0 ? r : 0;
}

void doctor_polkit(struct doctor *d) {
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (!d->bus)
                return;
        if (!doctor_bus_has(d, POLKIT) && !doctor_bus_can_start(d, POLKIT)) {
                add_install(d, "polkit-missing", "polkit is not installed.",
                            "The service asks it who may do what; without it only root may "
                            "flash.");
                return;
        }
        r = knows_action(d, &error);
        if (r < 0)
                polkit_silent(d, &error);
        else if (r > 0)
                doctor_ok(d, "polkit", "polkit answers and knows the service's actions.");
        else if (!d->container && !doctor_exists(d, ACTION_FILE))
                doctor_add_reinstall(d, "polkit-actions-missing", ACTION_FILE " is not there.",
                                     "polkit refuses what it does not know: only root may flash.");
        else
                doctor_problem(
                        d, "polkit-actions-not-loaded", NULL, "polkit does not know fwd's actions.",
                        "It has not read its files since fwd was installed: only root may flash.",
                        mend_as_root(d, "systemctl restart " POLKIT_UNIT, NULL));
}

static bool in_path(const char *program) {
        const char *path = getenv("PATH");
        _cleanup_free_ char *copy = strdup(path ? path : "/usr/bin:/bin");
        char *rest = copy, *folder;

        while (rest && (folder = strsep(&rest, ":"))) {
                _cleanup_free_ char *file = text_format("%s/%s", folder, program);

                if (file && access(file, X_OK) == 0)
                        return true;
        }
        return false;
}

/* From where somebody asks, in words. */
static const char *where(bool *ret_desktop) {
        _cleanup_free_ char *session = NULL, *seat = NULL, *type = NULL, *host = NULL;

        *ret_desktop = false;
        if (sd_pid_get_session(0, &session) < 0)
                return "This is not a session of somebody who logged in";
        if (sd_session_get_type(session, &type) >= 0)
                *ret_desktop = strcmp(type, "x11") == 0 || strcmp(type, "wayland") == 0;
        if (sd_session_is_remote(session) > 0)
                return sd_session_get_remote_host(session, &host) >= 0 && host
                               ? "You are logged in over the network (ssh)"
                               : "You are logged in from elsewhere";
        if (sd_session_get_seat(session, &seat) < 0)
                return "Your session has no seat";
        return sd_session_is_active(session) > 0 ? "You are at the machine"
                                                 : "Another session has the screen now";
}

static char *operator_command(const struct doctor *d) {
        const struct passwd *user = getpwuid(d->uid);
        _cleanup_free_ char *join = NULL;

        if (!user)
                return NULL;
        join = text_format("usermod -aG " OPERATORS " %s", user->pw_name);
        return join ? mend_as_root(d, "groupadd -f " OPERATORS, join,
                                   "install -m 644 " EXAMPLE_RULE " /etc/polkit-1/rules.d/", NULL)
                    : NULL;
}

static void may_not(struct doctor *d, bool challenge) {
        bool desktop, agent = in_path("pkttyagent");
        const char *from = where(&desktop);
        _cleanup_free_ char *message = NULL, *command = operator_command(d);

        if (challenge && !desktop && !agent) {
                _cleanup_free_ char *text = text_format(
                        "%s, and there is no program that could ask for a password.", from);

                add_install(d, "agent-missing", text,
                            "A flash needs an administrator's password here; pkttyagent, of "
                            "polkit, asks for it on a terminal.");
        }
        if (!challenge) {
                message = text_format("%s, and polkit refuses you a flash.", from);
                doctor_add(d,
                           &(struct finding){
                                   .level = FINDING_PROBLEM,
                                   .id = "flash-refused",
                                   .message = message,
                                   .meaning = "Not even with a password: a rule of this machine's "
                                              "administrator says so.",
                                   .action = "Ask the administrator; the rule is in "
                                             "/etc/polkit-1/rules.d.",
                           });
                return;
        }
        message = text_format("%s: a flash needs an administrator's password.", from);
        doctor_add(d,
                   &(struct finding){
                           .level = FINDING_NOTE,
                           .id = "password-needed",
                           .message = message,
                           .meaning = "Who sits at the machine may flash without one. The command "
                                      "lets you do it from anywhere, by a rule for the members "
                                      "of a group.",
                           .command = command,
                   });
}

/* polkit itself is asked, and asks nobody. */
static void may_flash(struct doctor *d) {
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        const char *name;
        bool desktop;
        int yes, challenge, r;

        if (d->uid == 0) {
                doctor_ok(d, "may-flash", "You are root: you may flash.");
                return;
        }
        if (!d->bus || sd_bus_get_unique_name(d->client->bus, &name) < 0)
                return;
        r = sd_bus_message_new_method_call(d->client->bus, &call, POLKIT, POLKIT_PATH,
                                           POLKIT_INTERFACE, "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(call, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name",
                                          "s", name, ACTION, 0, 0U, "");
        if (r >= 0)
                r = sd_bus_call(d->client->bus, call, 0, NULL, &reply);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(reply, "bb", &yes, &challenge);
        if (r < 0) /* which doctor_polkit() has told of */
                return;
        if (yes)
                doctor_ok(d, "may-flash", "%s: you may flash without a password.", where(&desktop));
        else
                may_not(d, challenge);
}

static bool in_group(const char *user, gid_t primary, gid_t wanted) {
        gid_t groups[GROUPS_MAX];
        int n = GROUPS_MAX;

        if (getgrouplist(user, primary, groups, &n) < 0)
                return false;
        for (int i = 0; i < n; i++)
                if (groups[i] == wanted)
                        return true;
        return false;
}

static void service_user(struct doctor *d) {
        const struct passwd *user = getpwnam(SERVICE_USER);
        gid_t primary = user ? user->pw_gid : 0;
        const struct group *serial = user ? getgrnam(FWD_SERIAL_GROUP) : NULL;

        if (!user) {
                /* systemd has tried already, and may have given up for a while. It refuses to
                 * forget that of a unit that it has not tried to start. */
                _cleanup_free_ char *active =
                        doctor_unit_text(d, "fwd.service", UNIT_INTERFACE, "ActiveState");
                bool tried = active && strcmp(active, "inactive") != 0;

                doctor_problem(d, "user-missing", NULL,
                               "The service's user " SERVICE_USER " does not exist.",
                               "systemd cannot start the service.",
                               mend_as_root(d, "systemd-sysusers fwd.conf",
                                            "systemd-tmpfiles --create fwd.conf",
                                            tried ? "systemctl reset-failed fwd.service"
                                                  : "systemctl restart fwd.service",
                                            tried ? "systemctl restart fwd.service" : NULL, NULL));
        } else if (!serial || !in_group(SERVICE_USER, primary, serial->gr_gid))
                doctor_problem(
                        d, "user-not-in-serial-group", NULL,
                        "The service's user is not in the group " FWD_SERIAL_GROUP
                        ", which the serial ports belong to.",
                        "It cannot ask a board what it is, nor bring it into its bootloader.",
                        mend_as_root(d, "usermod -aG " FWD_SERIAL_GROUP " " SERVICE_USER,
                                     "systemctl restart fwd.service", NULL));
        else
                doctor_ok(d, "user", "The service has a user, who may use serial ports.");
}

static void own_groups(struct doctor *d) {
        const struct passwd *user = d->uid == 0 ? NULL : getpwuid(d->uid);
        _cleanup_free_ char *name = user ? strdup(user->pw_name) : NULL, *leave = NULL,
                            *command = NULL;
        gid_t primary = user ? user->pw_gid : 0;
        const struct group *group = name ? getgrnam(SERVICE_USER) : NULL;

        if (!group || strcmp(name, SERVICE_USER) == 0 || !in_group(name, primary, group->gr_gid))
                return;
        leave = text_format("gpasswd -d %s " SERVICE_USER, name);
        command = leave ? mend_as_root(d, leave, NULL) : NULL;
        doctor_add(d, &(struct finding){
                              .level = FINDING_NOTE,
                              .id = "person-in-service-group",
                              .message = "You are a member of the group " SERVICE_USER
                                         ", which is the service's own.",
                              .meaning = "Any program of yours can open a board past the service "
                                         "and its guards, also in the middle of a flash.",
                              .command = command,
                      });
}

void doctor_people(struct doctor *d) {
        if (!d->container) {
                service_user(d);
                own_groups(d);
        }
        may_flash(d);
}
