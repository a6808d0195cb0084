# cpack runs this on the tree that it packs: Debian's policy wants some files elsewhere, compressed, or
# of another form.
set(share "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share")
set(documents "${share}/doc/coldload")

# The C library would be a package of its own, with another for its header.
file(REMOVE_RECURSE "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/include" "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/lib")

file(RENAME "${share}/zsh/site-functions" "${share}/zsh/vendor-completions")

file(REMOVE "${documents}/LICENSE")
file(WRITE "${documents}/copyright"
"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: coldload
Comment: coldload.spdx beside this file lists the libraries that are linked in,
 coldload.notices their copyright notices and licences.

Files: *
Copyright: 2026 coldload maintainers
License: Apache-2.0
 On Debian systems, /usr/share/common-licenses/Apache-2.0 has the text.
")
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # SOURCE_DATE_EPOCH's
file(WRITE "${documents}/changelog"
"coldload (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * CHANGELOG.md in this folder says what has changed.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
file(GLOB pages "${share}/man/man1/*.1")
execute_process(COMMAND gzip -9n ${pages} "${documents}/changelog" COMMAND_ERROR_IS_FATAL ANY)
