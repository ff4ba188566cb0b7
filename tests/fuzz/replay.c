/* replay.c: runs a fuzz target over every file of the folders given: the corpus as a plain test. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return -1;
    uint8_t *bytes = malloc(8u << 20);
    size_t n = bytes ? fread(bytes, 1, 8u << 20, f) : 0;
    fclose(f);
    uint8_t *exact = malloc(n ? n : 1); /* exact size: a read past the end is seen */
    for (size_t i = 0; exact && i < n; i++)
        exact[i] = bytes[i];
    if (exact)
        LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned files = 0;

    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        for (struct dirent *e; dir && (e = readdir(dir));) {
            char path[4096];
            if (e->d_name[0] == '.')
                continue;
            snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
            files += replay_file(path) == 0;
        }
        if (dir)
            closedir(dir);
    }
    printf("[  PASSED  ] %u corpus files\n", files);
    return files ? 0 : 1;
}
