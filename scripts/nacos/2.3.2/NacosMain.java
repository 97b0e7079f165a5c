package localnacos;
import com.alibaba.nacos.api.exception.NacosException;
import com.alibaba.nacos.api.model.v2.Result;
import com.alibaba.nacos.auth.annotation.Secured;
import com.alibaba.nacos.core.cluster.health.ModuleHealthCheckerHolder;
import com.alibaba.nacos.core.code.ControllerMethodsCache;
import com.alibaba.nacos.core.service.NamespaceOperationService;
import com.alibaba.nacos.plugin.auth.constant.*;
import com.alibaba.nacos.plugin.auth.exception.AccessException;
import com.alibaba.nacos.sys.filter.NacosTypeExcludeFilter;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.*;
import org.springframework.boot.autoconfigure.*;
import org.springframework.boot.context.TypeExcludeFilter;
import org.springframework.boot.web.servlet.ServletComponentScan;
import org.springframework.context.annotation.*;
import org.springframework.core.*;
import org.springframework.core.annotation.Order;
import org.springframework.http.*;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.web.bind.annotation.*;
/** Stands in for Nacos 2's console module, whose jar is not obtainable. */
@SpringBootConfiguration @EnableAutoConfiguration @EnableScheduling
@ServletComponentScan("com.alibaba.nacos")
@ComponentScan(basePackages = {"com.alibaba.nacos", "localnacos"}, excludeFilters = {
    @ComponentScan.Filter(type = FilterType.CUSTOM, classes = NacosTypeExcludeFilter.class),
    @ComponentScan.Filter(type = FilterType.CUSTOM, classes = TypeExcludeFilter.class),
    @ComponentScan.Filter(type = FilterType.CUSTOM, classes = AutoConfigurationExcludeFilter.class)})
public class NacosMain {
    public static void main(String[] args) throws Exception {
        openDatabase();
        SpringApplication.run(NacosMain.class, args);
    }

    /** Nacos gives its database ten seconds to be made and opened, which a busy machine may not have: it is open before. */
    static void openDatabase() throws Exception {
        var folder = java.nio.file.Path.of(System.getProperty("nacos.home"), "data", "derby-data");
        java.sql.DriverManager.getConnection("jdbc:derby:" + folder + ";create=true", "nacos", "nacos").close();
    }

    @RestControllerAdvice @Order(Ordered.HIGHEST_PRECEDENCE)
    public static class Refused {          // without it a refused login has no valid HTTP status
        @ExceptionHandler(AccessException.class) @ResponseStatus(HttpStatus.FORBIDDEN)
        public String refused(AccessException e) { return e.getErrMsg(); }
    }

    @RestController @RequestMapping("/v2/console")
    public static class Console {
        @Autowired NamespaceOperationService namespaces;
        @Autowired void methods(ControllerMethodsCache cache) {     // lets the auth filter find @Secured by path
            for (String p : new String[] {"core.controller", "naming.controllers", "config.server.controller"})
                cache.initClassMethod("com.alibaba.nacos." + p);
            cache.initClassMethod(java.util.Collections.singleton(Console.class));
        }
        @GetMapping("/health/readiness") public ResponseEntity<String> ready() {
            boolean ok = ModuleHealthCheckerHolder.getInstance().checkReadiness().isSuccess();
            return ResponseEntity.status(ok ? 200 : 500).body(ok ? "ok" : "not ready");
        }
        @GetMapping("/namespace/list") public Result<?> list() { return Result.success(namespaces.getNamespaceList()); }
        @Secured(resource = "console/namespaces", action = ActionTypes.WRITE, signType = SignType.CONSOLE)
        @PostMapping("/namespace") public Result<Boolean> create(@RequestParam String namespaceId,
            @RequestParam String namespaceName) throws NacosException {
            return Result.success(namespaces.createNamespace(namespaceId, namespaceName, ""));
        }
        @Secured(resource = "console/namespaces", action = ActionTypes.WRITE, signType = SignType.CONSOLE)
        @DeleteMapping("/namespace") public Result<Boolean> remove(@RequestParam String namespaceId) {
            return Result.success(namespaces.removeNamespace(namespaceId));
        }
    }
}
