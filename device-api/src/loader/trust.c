#include "loader/trust.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

char *tenon__trust_own_path(void) {
    static const char anchor = 0; /* an address inside the file asked for */
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1(&anchor, &info, (void **)&map, RTLD_DL_LINKMAP) || !map) return NULL;
    return realpath(map->l_name[0] ? map->l_name : "/proc/self/exe", NULL);
}

/* Judges one component of a path; non-OK ends the walk. */
typedef tenonh_reason (*visit_function)(void *context, const char *component, const struct stat *status);

static tenonh_reason visit(const char *component, visit_function function, void *context) {
    struct stat status;
    if (lstat(component, &status) != 0) return TENONH_REASON_UNREADABLE;
    return function(context, component, &status);
}

/* Visits "/", "/a", "/a/b" of "/a/b". */
static tenonh_reason walk(const char *path, visit_function function, void *context) {
    char prefix[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof prefix || path[0] != '/') return TENONH_REASON_UNREADABLE;
    TENON__ACCEPT(visit("/", function, context));
    for (size_t end = 1; end <= length; end++) {
        if ((path[end] != '/' && path[end] != '\0') || path[end - 1] == '/') continue;
        memcpy(prefix, path, end);
        prefix[end] = '\0';
        TENON__ACCEPT(visit(prefix, function, context));
    }
    return TENONH_REASON_OK;
}

/* In a sticky folder (/tmp) others may add entries but not replace ours. */
static int is_shared_safely(const struct stat *status) {
    return S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX) != 0;
}

static int knows_owner(const tenon__trust *trust, uid_t owner) {
    for (uint32_t i = 0; i < trust->owner_count; i++)
        if (trust->owners[i] == owner) return 1;
    return 0;
}

static int knows_group(const tenon__trust *trust, gid_t group) {
    for (uint32_t i = 0; i < trust->group_count; i++)
        if (trust->groups[i] == group) return 1;
    return 0;
}

static void accept_owner(tenon__trust *trust, uid_t owner) {
    if (!knows_owner(trust, owner) && trust->owner_count < TENON__TRUST_LIMIT)
        trust->owners[trust->owner_count++] = owner;
}

static void accept_group(tenon__trust *trust, gid_t group) {
    if (!knows_group(trust, group) && trust->group_count < TENON__TRUST_LIMIT)
        trust->groups[trust->group_count++] = group;
}

static tenonh_reason accept_component(void *context, const char *component, const struct stat *status) {
    tenon__trust *trust = context;
    (void)component;
    accept_owner(trust, status->st_uid);
    if (is_shared_safely(status)) return TENONH_REASON_OK;
    if (status->st_mode & S_IWGRP) accept_group(trust, status->st_gid);
    if (status->st_mode & S_IWOTH) trust->everyone = 1;
    return TENONH_REASON_OK;
}

void tenon__trust_init(tenon__trust *out_trust) {
    int raised = getauxval(AT_SECURE) != 0 || geteuid() != getuid() || getegid() != getgid();
    *out_trust = (tenon__trust){.strict = raised ? 1 : 0};
    accept_owner(out_trust, 0);
    if (out_trust->strict) return;
    accept_owner(out_trust, geteuid());
    char *own = tenon__trust_own_path();
    if (own) walk(own, accept_component, out_trust);
    free(own);
}

typedef struct judgement {
    const tenon__trust *trust;
    tenon__verdict *verdict;
} judgement;

static tenonh_reason judge_component(void *context, const char *component, const struct stat *status) {
    const judgement *j = context;
    if (S_ISLNK(status->st_mode))
        return tenon__refuse(j->verdict, TENONH_REASON_UNREADABLE, "%s became a symbolic link", component);
    if (!knows_owner(j->trust, status->st_uid))
        return tenon__refuse(j->verdict, TENONH_REASON_FOREIGN_OWNER, "%s belongs to user %u", component,
                             (unsigned)status->st_uid);
    if (is_shared_safely(status)) return TENONH_REASON_OK;
    if ((status->st_mode & S_IWOTH) && !j->trust->everyone)
        return tenon__refuse(j->verdict, TENONH_REASON_OPEN_TO_WRITES, "everybody may write %s", component);
    if ((status->st_mode & S_IWGRP) && !j->trust->everyone && !knows_group(j->trust, status->st_gid))
        return tenon__refuse(j->verdict, TENONH_REASON_OPEN_TO_WRITES, "group %u may write %s",
                             (unsigned)status->st_gid, component);
    return TENONH_REASON_OK;
}

tenonh_reason tenon__trust_path(const tenon__trust *trust, const char *path, tenon__verdict *verdict) {
    judgement j = {trust, verdict};
    tenonh_reason reason = walk(path, judge_component, &j);
    if (reason == TENONH_REASON_UNREADABLE)
        tenon__refuse(verdict, reason, "%s: a part of the path cannot be examined", path);
    return reason;
}

/* -- Names with symbolic links ------------------------------------------------------------------------------------- */

enum { MOST_LINKS = 40 }; /* as the kernel has it */

/* A name being followed: what lies behind, without links, and what is still to be walked. */
typedef struct follower {
    judgement judgement;
    char done[PATH_MAX];
    char rest[PATH_MAX];
    int links;
} follower;

static tenonh_reason fail_following(const follower *f, const char *why) {
    return tenon__refuse(f->judgement.verdict, TENONH_REASON_UNREADABLE, "%s: %s", f->done, why);
}

static void cut_last(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) *slash = '\0';
}

/* Moves the first component of what is left into `out_name`; 0 at the end. */
static int take_component(follower *f, char out_name[NAME_MAX + 1]) {
    const char *start = f->rest + strspn(f->rest, "/");
    size_t length = strcspn(start, "/");
    if (length == 0 || length > NAME_MAX) return 0;
    memcpy(out_name, start, length);
    out_name[length] = '\0';
    memmove(f->rest, start + length, strlen(start + length) + 1);
    return 1;
}

/* What the link says comes before what is left. */
static tenonh_reason follow_link(follower *f, const struct stat *status) {
    char target[PATH_MAX], rest[PATH_MAX];
    if (!knows_owner(f->judgement.trust, status->st_uid))
        return tenon__refuse(f->judgement.verdict, TENONH_REASON_FOREIGN_OWNER,
                             "%s, a symbolic link, belongs to user %u", f->done, (unsigned)status->st_uid);
    ssize_t length = readlink(f->done, target, sizeof target - 1);
    if (length < 0 || ++f->links > MOST_LINKS) return fail_following(f, "a symbolic link that leads nowhere");
    target[length] = '\0';
    if (snprintf(rest, sizeof rest, "%s%s", target, f->rest) >= (int)sizeof rest)
        return fail_following(f, "the name becomes too long");
    memcpy(f->rest, rest, sizeof rest);
    if (target[0] == '/')
        f->done[0] = '\0';
    else
        cut_last(f->done);
    return TENONH_REASON_OK;
}

static tenonh_reason follow_component(follower *f, const char *name) {
    struct stat status;
    size_t length = strlen(f->done), more = strlen(name);
    if (strcmp(name, ".") == 0) return TENONH_REASON_OK;
    if (strcmp(name, "..") == 0) {
        cut_last(f->done);
        return TENONH_REASON_OK;
    }
    if (length + more + 2 > sizeof f->done) return fail_following(f, "the name becomes too long");
    f->done[length] = '/';
    memcpy(f->done + length + 1, name, more + 1);
    if (lstat(f->done, &status) != 0) return fail_following(f, strerror(errno));
    return S_ISLNK(status.st_mode) ? follow_link(f, &status) : judge_component(&f->judgement, f->done, &status);
}

tenonh_reason tenon__trust_name(const tenon__trust *trust, const char *path, tenon__verdict *verdict) {
    char name[NAME_MAX + 1], folder[PATH_MAX] = "";
    follower f = {.judgement = {trust, verdict}};
    if (path[0] != '/' && !getcwd(folder, sizeof folder)) return fail_following(&f, strerror(errno));
    if (snprintf(f.rest, sizeof f.rest, "%s/%s", folder, path) >= (int)sizeof f.rest)
        return fail_following(&f, "the name is too long");
    TENON__ACCEPT(visit("/", judge_component, &f.judgement));
    while (take_component(&f, name)) TENON__ACCEPT(follow_component(&f, name));
    return TENONH_REASON_OK;
}
