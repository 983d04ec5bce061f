# Appended by nginx's configure to its Makefile: flags of our objects alone, the version script,
# and header dependencies (nginx tracks none for add-ons). `make MR_CFLAGS=…` adds to the flags.
mr_objs="$NGX_OBJS/addon/ngx_mr_ws_module/%.o $NGX_OBJS/addon/shared/%.o"

# nginx's headers become system headers: our warnings are about our own code.
mr_quiet=
for mr_dir in $CORE_INCS $HTTP_INCS $NGX_OBJS; do
    case $mr_dir in
        $ngx_addon_dir) ;;
        *) mr_quiet="$mr_quiet -isystem $mr_dir" ;;
    esac
done

cat << END >> $NGX_MAKEFILE

$mr_objs: CFLAGS += -std=c++20 -fno-exceptions -fno-rtti -fno-threadsafe-statics \\
	-fvisibility=hidden -Wall -Wextra -Wshadow -Werror \\
	-MMD -MP $mr_quiet \$(MR_CFLAGS)

$NGX_OBJS/ngx_mr_ws_module.so: LINK = \$(CC) -Wl,--version-script=$ngx_addon_dir/ngx_mr_ws_module/exports.map
$NGX_OBJS/ngx_mr_ws_module.so: $ngx_addon_dir/ngx_mr_ws_module/exports.map

-include \$(wildcard $NGX_OBJS/addon/ngx_mr_ws_module/*.d $NGX_OBJS/addon/shared/*.d)
END
