/* late.c: loads a library and finds what is wanted of it. */
#include "late.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static bool refuse(const struct late *library, const char *name, struct error *err)
{
    const char *why = dlerror();
    if (name)
        error_set(err, ERR_CONFIG, "the library %s has no %s, which jetbase needs (%s)", library->file, name, why ? why : "the loader does not say why");
    else
        error_set(err, ERR_CONFIG, "a library can't be loaded: %s", why ? why : library->file);
    return error_hint(err, "Nothing was done. Install it, in a version no older than the one that jetbase was built with.");
}

static bool load(struct late *library, struct error *err)
{
    void *symbol, *handle = dlopen(library->file, RTLD_LAZY | RTLD_LOCAL);
    if (!handle)
        return refuse(library, NULL, err);
    for (size_t i = 0; i < library->count; i++) {
        symbol = dlsym(handle, library->names[i]);
        if (!symbol) {
            refuse(library, library->names[i], err);
            dlclose(handle);
            return false;
        }
        /* POSIX has a function's address fit into such a pointer, C has no cast for it. */
        memcpy((char *)library->functions + i * sizeof symbol, &symbol, sizeof symbol);
    }
    return true;
}

bool late_load(struct late *library, struct error *err)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one_at_a_time);
    library->loaded = library->loaded || load(library, err);
    bool loaded = library->loaded;
    pthread_mutex_unlock(&one_at_a_time);
    return loaded;
}
