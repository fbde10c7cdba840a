# shellcheck shell=bash disable=SC2154
# The ingress-nginx controller on Debian's nginx. Sourced by build.sh.

step_ingress() {
  local image=registry.k8s.io/ingress-nginx/controller:airgap context
  is_made_of "$here/ingress-nginx" "$image" && return
  wrapper ingress-nginx k8s.io/ingress-nginx "$INGRESS_NGINX_MODULE_VERSION" k8s.io/ingress-nginx/cmd/{nginx,waitshutdown}
  wrapped ingress-nginx "$INGRESS_NGINX_MODULE_VERSION" k8s.io/ingress-nginx/cmd/nginx nginx-ingress-controller
  wrapped ingress-nginx "$INGRESS_NGINX_MODULE_VERSION" k8s.io/ingress-nginx/cmd/waitshutdown wait-shutdown
  base_image trixie
  log "assembling $image"
  context=$(mktemp -d)
  cp -r "$(module_dir "k8s.io/ingress-nginx@$INGRESS_NGINX_MODULE_VERSION")/rootfs/etc" "$context/etc"
  chmod -R u+w "$context/etc"
  "$here/ingress-nginx/adapt-template" "$context/etc/nginx/template/nginx.tmpl"
  # The folder's own lua/ goes over the module's.
  image_of "$here/ingress-nginx" "$image" "$context/etc" "$bin"/{nginx-ingress-controller,wait-shutdown}
  rm -rf "$context"
}
