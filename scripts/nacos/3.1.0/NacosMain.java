package localnacos;
import com.alibaba.nacos.*;
import com.alibaba.nacos.core.listener.startup.*;
import com.alibaba.nacos.sys.env.*;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
/** Starts what the server of a distribution starts, without its console. */
public class NacosMain {
    public static void main(String[] args) throws Exception {
        openDatabase();
        EnvUtil.setDeploymentType(DeploymentType.SERVER);
        NacosStartUpManager.start(NacosStartUp.CORE_START_UP_PHASE);
        var core = new SpringApplicationBuilder(NacosServerBasicApplication.class).web(WebApplicationType.NONE).run(args);
        NacosStartUpManager.start(NacosStartUp.WEB_START_UP_PHASE);
        new SpringApplicationBuilder(NacosServerWebApplication.class).parent(core).run(args);
    }

    /** Nacos gives its database ten seconds to be made and opened, which a busy machine may not have: it is open before. */
    static void openDatabase() throws Exception {
        var folder = java.nio.file.Path.of(System.getProperty("nacos.home"), "data", "derby-data");
        java.sql.DriverManager.getConnection("jdbc:derby:" + folder + ";create=true", "nacos", "nacos").close();
    }
}
