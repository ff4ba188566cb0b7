"""Where this machine's Debian packages come from."""

import subprocess

PUBLIC = "http://deb.debian.org/debian"


def mirror():
    """The one that this machine's apt uses, where it is Debian's."""
    found = subprocess.run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)",
                            "Created-By: Packages"], capture_output=True, text=True).stdout
    for line in found.splitlines():
        origin, _, address = line.partition(" ")
        if origin == "Debian" and address.startswith("http") and "security" not in address:
            return address
    return PUBLIC
