// cost COMMAND ARGUMENT…: runs it for a minute at most and prints "STATUS SECONDS KIBIBYTES" on descriptor 3: processor time and memory.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count < 2) return 64;
    pid_t child = fork();
    if (child < 0) return 71;
    if (child == 0) {
        close(3);
        alarm(60);
        execvp(words[1], words + 1);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) != child) return 71;
    double seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    dprintf(3, "%d %.3f %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), seconds, usage.ru_maxrss);
    return 0;
}
